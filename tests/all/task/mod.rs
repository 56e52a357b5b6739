//! What a task is: paths, images, XML, parameters.

mod arguments;
pub(crate) mod image;
mod job;
mod kinds;
mod packed;
mod parameters;
mod path;
mod spans;
mod xml;
