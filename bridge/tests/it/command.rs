//! The command line.

use std::process::{Command, Output};

use tempfile::TempDir;

/// The bridge with these settings and arguments; `CONFIG` is the path of the settings.
fn bridge(settings: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("bridge.toml");
    std::fs::write(&config, settings).unwrap();
    let arguments = arguments.iter().map(|argument| match *argument {
        "CONFIG" => config.as_os_str(),
        argument => argument.as_ref(),
    });
    Command::new(env!("CARGO_BIN_EXE_edge-metadata-bridge"))
        .env_remove("EDGE_METADATA_BRIDGE_CONFIG")
        .env_remove("EDGE_METADATA_BRIDGE_LOG")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn check_names_the_place_of_a_mistake_and_shows_no_password() {
    const EDGE: &str = "[edge]\nurl = \"https://edge.example\"\n";
    for (mistake, named) in [
        (
            "[[bus]]\n  uri = \"amqp://bridge:s3cret@rabbit\"\nqueues = [\"q\"]",
            "bridge.toml: line 4, column 3: unknown field `uri`, expected one of `name`, ",
        ),
        (
            "[[bus]]\nurl = \"amqp://bridge:s3cret\\@rabbit\"",
            "bridge.toml: line 4, column 29: missing escaped value, expected ",
        ),
        (
            "bus = \"amqp://bridge:\\\"s3cret@rabbit\"",
            "bridge.toml: line 3, column 7: invalid type: string, expected a ",
        ),
        (
            "[[bus]]\nprefetch = \"s3cret\"",
            "bridge.toml: line 4, column 12: invalid type: string, expected u16",
        ),
    ] {
        let settings = match mistake.strip_prefix("bus") {
            Some(_) => format!("\n\n{mistake}\n{EDGE}"),
            None => format!("{EDGE}{mistake}"),
        };
        let output = bridge(&settings, &["--config", "CONFIG", "check"]);
        assert_eq!(output.status.code(), Some(2));
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(shown.contains(named), "{mistake}: {shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn the_settings_and_the_log_are_named_before_or_after_the_command() {
    let settings = "[edge]\nurl = \"https://edge.example\"\n";
    for arguments in [
        ["--config", "CONFIG", "--log", "info", "check"],
        ["check", "--config", "CONFIG", "--log", "info"],
        ["-c", "CONFIG", "check", "--log", "info"],
    ] {
        let output = bridge(settings, &arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    }
    let output = bridge(settings, &["check", "--log", "x=y"]);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: log: "));
}

#[test]
fn check_reads_the_file_of_the_token() {
    let settings = "[edge]\nurl = \"https://edge.example\"\ntoken_file = \"/nonexistent/token\"\n";
    let output = bridge(settings, &["--config", "CONFIG", "check"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("/nonexistent/token"), "{errors}");
}
