//! The calendar, FILETIME and SYSTEMTIME, POSIX tails and TZif files.

mod calendar;
mod tail;
mod trust;
mod tzif;
