//! The verbs of flash images.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use mainspring_embassy::flash::Space;
use serde_json::{Value, json};

use super::{
    Failure,
    files::{self, Strict},
    plain::{line, one_line},
    put,
};
use crate::image::{self, Geometry, Held, ImageError, Listed, Source};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make an image that holds tasks: a task's path is the URI in its definition, or else the name of its file
    Build {
        #[command(flatten)]
        part: Part,
        /// Pages of the flash, of which the store uses two for its journal and keeps one blank
        #[arg(long, value_name = "N")]
        pages: usize,
        /// Definitions, in UTF-8 or UTF-16
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Where the image goes
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// List the tasks of an image
    List {
        #[command(flatten)]
        part: Part,
        /// The image
        file: PathBuf,
    },
    /// Say whether an image is whole, and how full
    Check {
        #[command(flatten)]
        part: Part,
        /// The image
        file: PathBuf,
    },
}

/// The flash that an image is for.
#[derive(Debug, Args)]
pub(super) struct Part {
    /// Bytes of a page, which is what is erased at once
    #[arg(long, value_name = "N")]
    page_size: usize,
    /// Bytes of a word, which is what is programmed at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    word: usize,
}

impl Part {
    const fn geometry(&self) -> Geometry {
        Geometry { page: self.page_size, word: self.word }
    }
}

/// Does what was asked for; the text to print.
///
/// # Errors
/// [`Failure::Refused`] and [`Failure::Usage`].
pub(super) fn carry_out(verb: &Verb, json: bool) -> Result<String, Failure> {
    match verb {
        Verb::Build { part, pages, files, output } => build(part.geometry(), *pages, files, output, json),
        Verb::List { part, file } => {
            let held = read(part, file)?;
            Ok(if json {
                line(&held.tasks.iter().map(described).collect())
            } else {
                held.tasks.iter().map(row).collect()
            })
        }
        Verb::Check { part, file } => check(&read(part, file)?, file, json),
    }
}

fn build(geometry: Geometry, pages: usize, files: &[PathBuf], output: &Path, json: bool) -> Result<String, Failure> {
    let definitions = files.iter().map(|file| files::text(file, Strict::NONE)).collect::<Result<Vec<_>, _>>()?;
    let stems: Vec<_> = files.iter().map(|file| file.file_stem().unwrap_or_default().to_string_lossy()).collect();
    let sources: Vec<_> = definitions.iter().zip(&stems).map(|(part, name)| Source { xml: &part.text, name }).collect();
    let (bytes, space) = image::build(geometry, pages, &sources).map_err(|(at, mut error)| {
        if let (ImageError::Definition(error), Some(part)) = (&mut error, at.and_then(|at| definitions.get(at))) {
            part.put_in_place(error);
        }
        let file = at.and_then(|at| files.get(at)).map_or(output, PathBuf::as_path);
        about(file, &error)
    })?;
    put(output, &bytes).map_err(|error| about(output, &error))?;
    Ok(if json {
        line(
            &json!({ "tasks": files.len(), "bytes": bytes.len(), "used": space.used, "capacity": space.capacity, "keys": space.keys }),
        )
    } else {
        format!("{}: {} tasks, {}\n", output.display(), files.len(), fullness(space))
    })
}

fn check(held: &Held, file: &Path, json: bool) -> Result<String, Failure> {
    let unreadable: Vec<_> = held.tasks.iter().filter(|task| !task.readable).map(|task| task.path.as_str()).collect();
    if held.loaded.damaged > 0 || !unreadable.is_empty() {
        let what = format!("{} records are damaged; tasks that cannot be read: {unreadable:?}", held.loaded.damaged);
        return Err(about(file, &what));
    }
    if held.blank {
        return Err(about(file, &"blank: there is no store in it"));
    }
    if held.torn {
        return Err(about(file, &"what was written last is not whole: the power was cut, or it is damaged"));
    }
    let (space, tasks) = (held.space, held.tasks.len());
    Ok(if json {
        line(&json!({ "tasks": tasks, "used": space.used, "capacity": space.capacity, "keys": space.keys }))
    } else {
        format!("{}: whole, {tasks} tasks, {}\n", file.display(), fullness(space))
    })
}

/// How full an image is. The device needs so many keys, and more for what runs there.
fn fullness(space: Space) -> String {
    format!("{} of {} bytes and {} keys used", space.used, space.capacity, space.keys)
}

fn read(part: &Part, file: &Path) -> Result<Held, Failure> {
    let bytes = std::fs::read(file).map_err(|error| about(file, &error))?;
    image::read(part.geometry(), bytes).map_err(|error| about(file, &error))
}

/// What went wrong, and with which file.
fn about(file: &Path, error: &dyn fmt::Display) -> Failure {
    Failure::File(format!("{}: {error}", file.display()))
}

fn described(task: &Listed) -> Value {
    json!({ "path": task.path, "enabled": task.enabled, "readable": task.readable })
}

fn row(task: &Listed) -> String {
    let state = match (task.readable, task.enabled) {
        (false, _) => "damaged",
        (true, false) => "disabled",
        (true, true) => "enabled",
    };
    format!("{}  {state}\n", one_line(&task.path))
}
