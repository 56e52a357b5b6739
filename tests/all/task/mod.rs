//! What a task is: paths, images, XML, parameters.

pub(crate) mod image;
<<<<<<< HEAD
mod job;
=======
mod kinds;
>>>>>>> 8b1d18b (tests: what is at rest has a file for its kinds and one for its durations and moments)
mod parameters;
mod path;
mod spans;
mod xml;
