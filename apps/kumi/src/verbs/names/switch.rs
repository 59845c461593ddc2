//! The `hosts:` line of `/etc/nsswitch.conf`, before and after. Pure; every other byte stays.

/// What is put into the line. `[!UNAVAIL=return]`: what the module answers for is not asked of anybody else, so
/// that no name of a member leaves the machine by way of a DNS server.
pub(super) const WORDS: &str = "kumi [!UNAVAIL=return]";

/// The module's name in the line.
const SERVICE: &str = "kumi";
const DATABASE: &str = "hosts:";

/// Why the line cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// There is none.
    NoLine,
    /// There are several, of which the C library takes one.
    SeveralLines,
}

/// Whether the line has the module.
pub(super) fn is_on(text: &str) -> bool {
    lines(text).any(|line| tokens(text, line).any(|(_, word)| word == SERVICE))
}

/// The text with the module before whatever asks the network.
///
/// # Errors
/// There is not the one line.
pub(super) fn with(text: &str) -> Result<String, Wrong> {
    if is_on(text) {
        return Ok(text.to_owned());
    }
    let mut found = lines(text);
    let line = found.next().ok_or(Wrong::NoLine)?;
    if found.next().is_some() {
        return Err(Wrong::SeveralLines);
    }
    let asks_network = |word: &str| matches!(word, "dns" | "resolve") || word.starts_with("mdns");
    let mut words = tokens(text, line);
    let before = words.find(|(_, word)| asks_network(word));
    let (at, words) = match before {
        Some((at, _)) => (at, format!("{WORDS} ")),
        None => (end_of(text, line), format!(" {WORDS}")),
    };
    let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
    Ok([head, &words, tail].concat())
}

/// The text without the module.
pub(super) fn without(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some((start, end)) = first(&text) {
        text.replace_range(start..end, "");
    }
    text
}

/// The text with systemd-resolved left out, where it would be asked before DNS servers: it is on the other side of
/// a namespace, and knows nothing of this one. `None`: it is not asked.
pub(super) fn by_dns(text: &str) -> Option<String> {
    let found = lines(text).find(|line| tokens(text, *line).any(|(_, word)| word == "resolve"))?;
    let (start, end) = found;
    let (head, tail) = (text.get(..start)?, text.get(end..)?);
    Some([head, "hosts: files dns", tail].concat())
}

/// Where the module is in the text, with what belongs to it and the space that parts it from its neighbour.
fn first(text: &str) -> Option<(usize, usize)> {
    let found = lines(text).find_map(|line| {
        let mut words = tokens(text, line);
        let (start, word) = words.find(|(_, word)| *word == SERVICE)?;
        let mut end = start + word.len();
        // Actions belong to the service before them.
        let actions = words.take_while(|(_, word)| word.starts_with('['));
        for (at, word) in actions {
            end = at + word.len();
        }
        Some((start, end))
    });
    let (start, end) = found?;
    let space = |it: &str| it.len() - it.trim_start_matches([' ', '\t']).len();
    let (before, after) = (text.get(..start)?, text.get(end..)?);
    let is_last = after.trim_start_matches([' ', '\t']).is_empty()
        || after
            .trim_start_matches([' ', '\t'])
            .starts_with(['\n', '\r', '#']);
    if is_last {
        let before = before.trim_end_matches([' ', '\t']);
        return Some((before.len(), end));
    }
    Some((start, end + space(after)))
}

/// The `hosts:` lines: where each begins and ends, without comment and newline.
fn lines(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let code = line.split('#').next().unwrap_or_default();
        let is_hosts = code.trim_start().starts_with(DATABASE);
        is_hosts.then_some((start, start + code.len()))
    })
}

/// The words of a line behind its colon, and where each begins. What is in brackets is one word.
fn tokens(text: &str, (start, end): (usize, usize)) -> impl Iterator<Item = (usize, &str)> {
    let line = text.get(start..end).unwrap_or_default();
    let mut at = line.find(':').map_or(line.len(), |colon| colon + 1);
    std::iter::from_fn(move || {
        let rest = line.get(at..)?;
        at += rest.len() - rest.trim_start().len();
        let rest = line.get(at..).filter(|rest| !rest.is_empty())?;
        let len = match rest.starts_with('[') {
            true => rest.find(']').map_or(rest.len(), |end| end + 1),
            false => rest
                .find(|letter: char| letter.is_whitespace() || letter == '[')
                .unwrap_or(rest.len()),
        };
        let found = (start + at, rest.get(..len)?);
        at += len;
        Some(found)
    })
}

/// Where the last word of a line ends.
fn end_of(text: &str, line: (usize, usize)) -> usize {
    let last = tokens(text, line).last();
    last.map_or(line.1, |(at, word)| at + word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_come_before_what_asks_the_network() {
        for (before, after) in [
            (
                "hosts:          files dns\n",
                "hosts:          files kumi [!UNAVAIL=return] dns\n",
            ),
            (
                "a: b\nhosts: files mymachines resolve [!UNAVAIL=return] files dns # dns\nc: d",
                "a: b\nhosts: files mymachines kumi [!UNAVAIL=return] resolve [!UNAVAIL=return] files dns # dns\nc: d",
            ),
            (
                "hosts:files mdns4_minimal [NOTFOUND=return] dns",
                "hosts:files kumi [!UNAVAIL=return] mdns4_minimal [NOTFOUND=return] dns",
            ),
            (
                "\thosts:\tfiles\t# only these\r\n",
                "\thosts:\tfiles kumi [!UNAVAIL=return]\t# only these\r\n",
            ),
            ("hosts: dns", "hosts: kumi [!UNAVAIL=return] dns"),
        ] {
            assert!(!is_on(before));
            assert_eq!(with(before).as_deref(), Ok(after));
            assert!(is_on(after));
            assert_eq!(with(after).as_deref(), Ok(after), "twice");
            assert_eq!(without(after), before);
            assert_eq!(without(before), before, "not there");
        }
    }

    #[test]
    fn what_somebody_changed_meanwhile_stays() {
        for (changed, without_it) in [
            ("hosts: kumi files dns\n", "hosts: files dns\n"),
            (
                "hosts: files kumi   [NOTFOUND=return]  [ UNAVAIL = continue ] dns\n",
                "hosts: files dns\n",
            ),
            ("hosts: files dns kumi\n", "hosts: files dns\n"),
            ("hosts: files kumi# mine\n", "hosts: files# mine\n"),
            ("hosts: kumi dns kumi", "hosts: dns"),
            (
                "# hosts: kumi\nhosts: kumis dns\n",
                "# hosts: kumi\nhosts: kumis dns\n",
            ),
        ] {
            assert_eq!(without(changed), without_it);
        }
    }

    #[test]
    fn inside_a_namespace_systemd_resolved_is_left_out() {
        let text = "a: b\nhosts: files resolve [!UNAVAIL=return] dns # mine\nc: d\n";
        let without = "a: b\nhosts: files dns# mine\nc: d\n";
        assert_eq!(by_dns(text).as_deref(), Some(without));
        assert_eq!(by_dns("hosts: files dns\n"), None);
    }

    #[test]
    fn a_file_without_the_one_line_is_left_alone() {
        assert_eq!(with("passwd: files\n#hosts: dns\n"), Err(Wrong::NoLine));
        assert_eq!(with(""), Err(Wrong::NoLine));
        let two = "hosts: files\nhosts: dns\n";
        assert_eq!(with(two), Err(Wrong::SeveralLines));
    }
}
