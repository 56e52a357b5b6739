//! What a task is: paths, images, XML, parameters.

pub(crate) mod image;
mod job;
mod parameters;
mod path;
mod xml;
