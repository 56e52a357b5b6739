//! Mainspring on Linux.
