//! Takes eleven protections out of Carnet, one at a time, and runs the test that is to notice:
//! `cargo run --package carnet-tests --bin weakened [PART OF A NAME]`.
//!
//! The sources are copied into the build folder and weakened there, and built in a folder of their own: what is built
//! from a weakened source must never be taken for the product. A test that passes on the weakened sources, or that fails
//! on the sound ones, or is not run at all, is a failure of this program.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};

use carnet_tests::{
    weakened::{WEAKENINGS, Weakening},
    workspace,
};

#[expect(clippy::disallowed_methods, reason = "where to build is asked of the caller's own cargo")]
fn main() -> ExitCode {
    let wanted = env::args().nth(1).unwrap_or_default();
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace::root().join("target"), PathBuf::from);
    let (copy, build) = (target.join("weakened/sources"), target.join("weakened/build"));
    let _ = fs::remove_dir_all(&copy);
    copy_sources(&workspace::root(), &copy).expect("the sources can be copied");
    let mut is_noticed = true;
    println!("| without | test | |\n|---|---|---|");
    for weakening in WEAKENINGS.iter().filter(|one| one.name.contains(&wanted)) {
        let told = try_out(weakening, &copy, &build);
        is_noticed &= told.is_ok();
        println!("| {} | `{}` | {} |", weakening.name, weakening.notices, told.unwrap_or_else(|why| why));
    }
    if is_noticed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the test passes on the sound sources and fails on the weakened ones.
#[expect(clippy::disallowed_methods, reason = "the copy of the sources is what is written")]
fn try_out(weakening: &Weakening, copy: &Path, build: &Path) -> Result<String, String> {
    let (run, failed) = counts(&test(weakening, copy, build, false)).ok_or("the sound sources do not build")?;
    if run == 0 || failed > 0 {
        return Err(format!("SOUND SOURCES: {run} run, {failed} failed"));
    }
    let file = copy.join(weakening.file);
    let sound = fs::read(&file).map_err(|_| "no such file")?;
    let weakened = weakening.weaken(copy).ok_or("the place is not there, or there twice")?;
    fs::write(&file, weakened).expect("the copy can be written");
    let builds = test(weakening, copy, build, true).status.success();
    let tested = builds.then(|| test(weakening, copy, build, false));
    fs::write(&file, sound).expect("the copy can be written");
    match tested.as_ref().map(counts) {
        Some(Some((_, failed))) if failed > 0 => Ok("noticed".to_owned()),
        Some(_) => Err("NOT NOTICED".to_owned()),
        None => Err("the weakened sources do not build".to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "what is built and run is another cargo's")]
fn test(weakening: &Weakening, copy: &Path, build: &Path, builds_only: bool) -> Output {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(copy).env("CARGO_TARGET_DIR", build).env("RUSTFLAGS", "").args(["test", "--offline", "--locked"]);
    cargo.args(weakening.tests);
    if builds_only {
        cargo.arg("--no-run");
    } else {
        cargo.arg(weakening.notices);
    }
    cargo.output().expect("cargo runs")
}

/// How many tests ran, and how many of them failed; none where there is no result.
fn counts(output: &Output) -> Option<(u64, u64)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("test result: "))?;
    let before = |word: &str| {
        let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
        words.iter().position(|one| *one == word).and_then(|at| words.get(at.checked_sub(1)?)?.parse::<u64>().ok())
    };
    let failed = before("failed")?;
    Some((before("passed")? + failed, failed))
}

/// Everything but what was built and what git keeps.
fn copy_sources(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_sources(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
