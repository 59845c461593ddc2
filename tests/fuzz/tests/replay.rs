//! The committed corpus, and mutations of it, through every target.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::TARGETS;
use fuzz::mutate::{Choices, mutated};
use fuzz::seeds::seeds;

/// Mutations of each target's corpus in one test run.
const MUTATIONS: usize = 20_000;
/// Most bytes that the whole corpus may have.
const CORPUS_LEN_MAX: u64 = 300_000;

fn corpus_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The files of a target's corpus by name.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let Ok(folder) = fs::read_dir(corpus_dir().join(target)) else {
        return BTreeMap::new();
    };
    let read = |entry: fs::DirEntry| {
        let name = entry
            .file_name()
            .into_string()
            .expect("a file name in UTF-8");
        (name, fs::read(entry.path()).expect("a readable file"))
    };
    folder
        .map(|entry| read(entry.expect("a folder entry")))
        .collect()
}

#[test]
fn the_corpus_has_the_seeds_of_every_target_and_stays_small() {
    let all = seeds();
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        all.keys().copied().collect::<Vec<_>>(),
        names,
        "a target without seeds"
    );
    let update = std::env::var_os("UPDATE_CORPUS").is_some();
    let mut len = 0;
    for (target, seeds) in &all {
        let folder = corpus_dir().join(target);
        if update {
            fs::create_dir_all(&folder).expect("a folder");
            for stale in corpus(target)
                .keys()
                .filter(|name| name.starts_with("seed-"))
            {
                fs::remove_file(folder.join(stale)).expect("removed");
            }
            for (at, seed) in seeds.iter().enumerate() {
                fs::write(folder.join(format!("seed-{at:02}")), seed).expect("written");
            }
        }
        let files = corpus(target);
        let committed: Vec<_> = files
            .iter()
            .filter(|(name, _)| name.starts_with("seed-"))
            .map(|(_, bytes)| bytes)
            .collect();
        let fresh: Vec<_> = seeds.iter().collect();
        assert!(
            committed == fresh,
            "the corpus of {target} is old: run with UPDATE_CORPUS=1"
        );
        len += files.values().map(|bytes| bytes.len() as u64).sum::<u64>();
    }
    assert!(len <= CORPUS_LEN_MAX, "{len} bytes");
}

#[test]
fn every_corpus_file_passes_its_target() {
    for (name, target) in TARGETS {
        let files = corpus(name);
        assert!(!files.is_empty(), "{name} has no corpus");
        files.values().for_each(|bytes| target(bytes));
    }
}

#[test]
fn every_truncation_of_a_seed_passes_its_target() {
    for (name, target) in TARGETS {
        for bytes in corpus(name).values() {
            (0..bytes.len()).for_each(|len| target(&bytes[..len]));
        }
    }
}

#[test]
fn mutations_pass_their_target() {
    for (at, (name, target)) in TARGETS.iter().enumerate() {
        let files: Vec<_> = corpus(name).into_values().collect();
        let mut choices = Choices::new(at as u64);
        for _ in 0..MUTATIONS {
            target(&mutated(&files, &mut choices));
        }
    }
}

#[test]
fn mutations_are_the_same_for_the_same_seed() {
    let files: Vec<_> = corpus("datagram").into_values().collect();
    let run = |seed| {
        let mut choices = Choices::new(seed);
        (0..100)
            .map(|_| mutated(&files, &mut choices))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
