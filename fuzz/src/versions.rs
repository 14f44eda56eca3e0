//! Microversion headers.

use edge_metadata_core::http::fault::Fault;
use edge_metadata_core::http::microversion::Microversion;

use crate::fault::check_fault;

/// The first line is the standard header, the rest the legacy one.
pub fn versions(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (standard, legacy) = match text.split_once('\n') {
        Some((standard, legacy)) => (Some(standard), Some(legacy)),
        None => (Some(&*text), None),
    };
    for (standard, legacy) in [
        (standard, legacy),
        (None, standard),
        (legacy, standard),
        (None, None),
    ] {
        match Microversion::negotiate(standard, legacy) {
            Ok(version) => {
                assert!((Microversion::OLDEST..=Microversion::NEWEST).contains(&version));
                let named = version.to_string();
                assert!(named.len() <= "2.104".len());
                assert_eq!(Microversion::negotiate(None, Some(&named)), Ok(version));
                let standard = format!("compute {named}");
                assert_eq!(Microversion::negotiate(Some(&standard), None), Ok(version));
            }
            Err(fault) => {
                assert!(matches!(fault.status(), 400 | 406));
                check_fault(&fault, text.len());
                if let Fault::UnsupportedVersion(version) = &fault {
                    // It goes back in a header.
                    assert!(
                        version
                            .bytes()
                            .all(|byte| byte.is_ascii_digit() || byte == b'.')
                    );
                }
            }
        }
    }
}
