//! Without a nightly toolchain: the same targets, fed with mutations of the corpus, blind to coverage.
//!
//! `mutate SECONDS CORPUS [TARGET…]` spends that many seconds on each target.

use std::path::Path;
use std::time::Instant;
use std::{env, fs, panic, process};

use edge_metadata_fuzz::TARGETS;

const MOST_BYTES: usize = 4_096;
const WORDS: &[&str] = &[
    "/", "%", "%2F", "%00", "%C3%A9", "..", "\0", "\n", " ", "\"", "\\u0000", "{", "}", "[", "]",
    ":", ",", "null", "true", "1e999", "-0", "servers", "metadata", "registry", "2.104",
    "compute ", "latest", "admin", "é", "😀",
];

/// xorshift64*: the same inputs for the same seed, on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

fn main() {
    let mut args = env::args().skip(1);
    let seconds: f64 = args
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10.0);
    let corpus = args.next().unwrap_or_else(|| "corpus".to_owned());
    let chosen: Vec<_> = args.collect();
    for (name, target) in TARGETS {
        if !chosen.is_empty() && !chosen.iter().any(|word| word == name) {
            continue;
        }
        let seeds = seeds(&Path::new(&corpus).join(name));
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        #[expect(clippy::disallowed_methods, reason = "it never runs in wasm")]
        let began = Instant::now();
        let mut tried = 0_u64;
        for seed in &seeds {
            attempt(name, *target, seed);
        }
        while began.elapsed().as_secs_f64() < seconds {
            let input = mutated(&seeds, &mut random);
            attempt(name, *target, &input);
            tried += 1;
        }
        println!("{name}: {tried} inputs");
    }
}

fn attempt(name: &str, target: fn(&[u8]), input: &[u8]) {
    if panic::catch_unwind(|| target(input)).is_err() {
        eprintln!("{name} fails for {:?}", String::from_utf8_lossy(input));
        process::exit(1);
    }
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let mut seeds: Vec<_> = files
        .iter()
        .filter_map(|file| fs::read(file).ok())
        .collect();
    seeds.push(Vec::new());
    seeds
}

fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(16)).min(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, WORDS[random.below(WORDS.len())].bytes())),
            3 => bytes.insert(at, random.below(256) as u8),
            4 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes.truncate(MOST_BYTES);
    bytes
}
