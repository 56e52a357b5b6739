//! What a task is: paths, images, XML, parameters.

mod image;
mod path;
mod xml;
