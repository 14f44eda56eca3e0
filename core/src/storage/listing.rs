//! A page of a project's list: what is asked for, and how that travels.

use crate::rpc::NotUnderstood;

/// A place in a list: newest first, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Milliseconds since 1970.
    pub created: i64,
    /// The resource's id.
    pub id: String,
}

impl Position {
    /// Before the first entry of any list.
    #[must_use]
    pub fn start() -> Self {
        Self {
            // The largest integer that crosses to JavaScript and back.
            created: (1 << 53) - 1,
            id: String::new(),
        }
    }

    /// As one line.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{} {}", self.created, self.id)
    }

    /// From that line.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn decode(line: &str) -> Result<Self, NotUnderstood> {
        line.split_once(' ')
            .and_then(|(created, id)| {
                Some(Self {
                    created: created.parse().ok()?,
                    id: id.to_owned(),
                })
            })
            .ok_or_else(|| NotUnderstood::new("a position"))
    }
}

/// Which names are looked for.
///
/// Nova takes a regular expression. Clients send a name or `^name$`; those two anchors, and a
/// backslash before what would otherwise be special, are all that is understood here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameFilter {
    /// Names that contain the text; all names when it is empty.
    Contains(String),
    /// Names that begin with it.
    StartsWith(String),
    /// Names that end with it.
    EndsWith(String),
    /// That name.
    Is(String),
}

impl NameFilter {
    /// From a query parameter, as N reads it for servers.
    #[must_use]
    pub fn from_pattern(pattern: &str) -> Self {
        let (start, rest) = match pattern.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let (end, rest) = match rest.strip_suffix('$') {
            Some(rest) if !rest.ends_with('\\') => (true, rest),
            _ => (false, rest),
        };
        let mut text = String::with_capacity(rest.len());
        let mut characters = rest.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => text.extend(characters.next()),
                _ => text.push(character),
            }
        }
        match (start, end) {
            (true, true) => Self::Is(text),
            (true, false) => Self::StartsWith(text),
            (false, true) => Self::EndsWith(text),
            (false, false) => Self::Contains(text),
        }
    }

    /// The text that is looked for.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Contains(text)
            | Self::StartsWith(text)
            | Self::EndsWith(text)
            | Self::Is(text) => text,
        }
    }

    /// The SQL condition on the column `name`; `text` stands for the text.
    #[must_use]
    pub fn condition(&self, text: &str) -> String {
        match self {
            Self::Contains(_) => format!("instr(name, {text}) > 0"),
            Self::StartsWith(_) => format!("substr(name, 1, length({text})) = {text}"),
            Self::EndsWith(_) => {
                format!("({text} = '' OR substr(name, -length({text})) = {text})")
            }
            Self::Is(_) => format!("name = {text}"),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Contains(_) => "contains",
            Self::StartsWith(_) => "starts",
            Self::EndsWith(_) => "ends",
            Self::Is(_) => "is",
        }
    }
}

/// What is asked of one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `server` or `image`
    pub kind: String,
    /// Only what comes after this.
    pub after: Position,
    /// Entries at most.
    pub limit: i64,
    /// Only these names.
    pub name: NameFilter,
}

impl Page {
    /// As one text.
    #[must_use]
    pub fn encode(&self) -> String {
        let Self {
            kind,
            after,
            limit,
            name,
        } = self;
        let word = name.word();
        format!(
            "{kind}\n{}\n{limit}\n{word}\n{}",
            after.encode(),
            name.text()
        )
    }

    /// From that text.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn decode(text: &str) -> Result<Self, NotUnderstood> {
        let strange = || NotUnderstood::new("a page");
        let mut lines = text.splitn(5, '\n');
        let mut next = || lines.next().ok_or_else(strange);
        let kind = next()?.to_owned();
        let after = Position::decode(next()?)?;
        let limit = next()?.parse().map_err(|_| strange())?;
        let word = next()?;
        let name = next()?.to_owned();
        let name = match word {
            "contains" => NameFilter::Contains(name),
            "starts" => NameFilter::StartsWith(name),
            "ends" => NameFilter::EndsWith(name),
            "is" => NameFilter::Is(name),
            _ => return Err(strange()),
        };
        Ok(Self {
            kind,
            after,
            limit,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_as_nova_would_match_it_for_what_clients_send() {
        for (pattern, filter) in [
            ("", NameFilter::Contains(String::new())),
            ("web", NameFilter::Contains("web".into())),
            ("^web", NameFilter::StartsWith("web".into())),
            ("web$", NameFilter::EndsWith("web".into())),
            ("^web-1$", NameFilter::Is("web-1".into())),
            ("^web\\.1$", NameFilter::Is("web.1".into())),
            ("cost\\$", NameFilter::Contains("cost$".into())),
            ("a\\\\b", NameFilter::Contains("a\\b".into())),
        ] {
            assert_eq!(NameFilter::from_pattern(pattern), filter, "{pattern}");
        }
    }

    #[test]
    fn pages_and_positions_arrive_as_they_were_sent() {
        for name in [
            NameFilter::Contains(String::new()),
            NameFilter::StartsWith("a\nb".into()),
            NameFilter::EndsWith(" x ".into()),
            NameFilter::Is("é".into()),
        ] {
            let page = Page {
                kind: "server".into(),
                after: Position::start(),
                limit: 100,
                name,
            };
            assert_eq!(Page::decode(&page.encode()), Ok(page));
        }
        assert!(Page::decode("server").is_err());
        assert!(Position::decode("x y").is_err());
    }
}
