//! Hands the linker a memory map, the runtime's script and the one that keeps the words of the log; and the firmware its board.

use std::{env, error::Error, fs, path::PathBuf};

/// How much memory the map of `examples/qemu` has, which firmware of other sizes is not held to.
const MEMORY: &str = "86624";

/// Boards and the target of their core.
const BOARDS: [&str; 3] = ["an385", "an386", "an500"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rerun-if-env-changed=MAINSPRING_BOARD");
    println!("cargo:rerun-if-env-changed=MAINSPRING_SIZES");
    println!("cargo:rustc-check-cfg=cfg(sizes, values(\"small\", \"large\"))");
    println!("cargo:rustc-check-cfg=cfg(board, values(\"an385\", \"an386\", \"an500\"))");
    if env::var("CARGO_CFG_TARGET_OS")? != "none" {
        return Ok(());
    }
    let board = env::var("MAINSPRING_BOARD").unwrap_or_else(|_| BOARDS[0].into());
    if !BOARDS.contains(&board.as_str()) {
        return Err(format!("MAINSPRING_BOARD is {board}, and should be one of {BOARDS:?}").into());
    }
    println!("cargo:rustc-cfg=board=\"{board}\"");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Each firmware has a memory map of its own; the script runs in its folder.
    let mut map = fs::read_to_string("memory.x")?;
    match env::var("MAINSPRING_SIZES").ok().as_deref() {
        None => {}
        Some(sizes @ ("small" | "large")) => {
            println!("cargo:rustc-cfg=sizes=\"{sizes}\"");
            let larger = map.replace(MEMORY, "1M");
            if larger == map {
                return Err(format!("memory.x does not say {MEMORY}").into());
            }
            map = larger;
        }
        Some(other) => {
            return Err(format!("MAINSPRING_SIZES is {other}, and should be small, large, or not there").into());
        }
    }
    fs::write(out.join("memory.x"), map)?;
    // The script of the runtime wants the names of interrupt handlers here; the table of the board needs none.
    fs::write(out.join("device.x"), "")?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg=--nmagic");
    println!("cargo:rustc-link-arg=-Tlink.x");
    println!("cargo:rustc-link-arg=-Tdefmt.x");
    // Functions of the same code are one: nothing asks whether two of them are.
    println!("cargo:rustc-link-arg=--icf=all");
    Ok(())
}
