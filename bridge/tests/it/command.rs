//! The command line.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

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

#[test]
fn what_there_are_alarms_on_has_a_value_before_it_happens() {
    let folder = TempDir::new().unwrap();
    let [config, clouds, file] =
        ["bridge.toml", "clouds.yaml", "bridge.prom"].map(|name| folder.path().join(name));
    // Nothing listens there, so that the bridge waits.
    let cloud = r#"{"clouds": {"c": {"auth": {"auth_url": "http://127.0.0.1:9", "username": "u", "password": "p", "project_id": "p"}}}}"#;
    std::fs::write(&clouds, cloud).unwrap();
    let settings = format!(
        "[cloud]\nname = \"c\"\nclouds_file = {clouds:?}\n[edge]\nurl = \"http://127.0.0.1:9\"\n\
         [metrics]\nfile = {file:?}\n"
    );
    std::fs::write(&config, settings).unwrap();
    let mut bridge = Command::new(env!("CARGO_BIN_EXE_edge-metadata-bridge"))
        .arg("--config")
        .arg(config)
        .arg("run")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let written = (0..1_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        std::fs::read_to_string(&file).ok()
    });
    let _ = bridge.kill();
    let _ = bridge.wait();
    let text = written.unwrap();
    for line in [
        "edge_metadata_bridge_last_good_round_timestamp_seconds 0",
        "edge_metadata_bridge_last_verified_timestamp_seconds 0",
        "edge_metadata_bridge_changes_total{kind=\"server\",outcome=\"refused\"} 0",
        "edge_metadata_bridge_reconciled_total{kind=\"image\",outcome=\"rejected\"} 0",
        "edge_metadata_bridge_differences_total{kind=\"server\",what=\"unknown\"} 0",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
