//! Which tree does a YAML text have? From the events of the parser beneath the daemon's YAML reader.
//!
//! Bounds: how deep the tree is and how many nodes it amounts to when every alias is walked, so that
//! no input makes a later step run long. The parser has its own for what it keeps while it reads.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::merging::{self, NoMap};
use super::node::{Entry, Form, Node, Scalar, reference_in};

/// How many collections may be in one another; the steps that walk the tree call themselves.
const MAX_DEPTH: usize = 128;

/// How many scalars and collections there may be, a shared one counted each time.
const MAX_NODES: usize = 1_000_000;

/// A text that was read.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Rc<Node>,
    /// The lines of keys that stood in their map before.
    pub(crate) repeated: Vec<usize>,
}

/// Why a text is not resolved. Nothing of the text is repeated: it may hold values.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the input is empty")]
    Empty,
    #[error("not readable as YAML (line {line}, column {column}): {words}")]
    Syntax {
        line: usize,
        column: usize,
        words: String,
    },
    #[error("not usable as YAML (line {line}): {why}")]
    Refused { line: usize, why: &'static str },
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    /// [`Unusable`].
    pub(crate) fn read(text: &str) -> Result<Self, Unusable> {
        let mut options = granit_parser::options! {};
        options.set_emit_comments(false);
        let mut building = Building {
            text,
            ..Building::default()
        };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.map_err(|error| syntax(&error))?;
            building.take(event, span)?;
        }
        match building.root {
            Some(root) if !root.is_empty() => Ok(Self {
                root,
                repeated: building.repeated,
            }),
            _ => Err(Unusable::Empty),
        }
    }
}

fn syntax(error: &ScanError) -> Unusable {
    let words = match error.kind() {
        // The character may belong to a value.
        ErrorKind::UnexpectedCharacter { .. } => "unexpected character".to_owned(),
        kind => kind.to_string(),
    };
    Unusable::Syntax {
        line: error.marker().line(),
        column: error.marker().col() + 1,
        words,
    }
}

/// A node with what it costs to walk it.
#[derive(Clone, Debug)]
struct Measured {
    node: Rc<Node>,
    nodes: usize,
    depth: usize,
}

/// A collection that has begun and not ended.
#[derive(Debug)]
struct Open {
    anchor: usize,
    tag: Option<String>,
    content: Content,
    nodes: usize,
    depth: usize,
}

#[derive(Debug)]
enum Content {
    List(Vec<Rc<Node>>),
    Map {
        entries: Vec<Entry>,
        /// The key whose value comes next.
        key: Option<(Rc<Scalar>, usize)>,
    },
}

/// The tree so far.
#[derive(Debug, Default)]
struct Building<'a> {
    text: &'a str,
    open: Vec<Open>,
    anchors: HashMap<usize, Measured>,
    nodes: usize,
    repeated: Vec<usize>,
    began: bool,
    root: Option<Rc<Node>>,
}

impl Building<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Unusable> {
        let line = span.start.line();
        match event {
            Event::DocumentStart(..) if self.began => Err(refused(
                line,
                "a second document begins; one is read at a time",
            )),
            Event::DocumentStart(..) => {
                self.began = true;
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text, style, tag.as_deref(), span)?;
                self.put(measured(node, 1, 0), anchor, line)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), span)?;
                self.begin(anchor, tag, Content::List(Vec::new()), line)
            }
            Event::MappingStart(_, anchor, tag) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    key: None,
                };
                let tag = self.tag(tag.as_deref(), span)?;
                self.begin(anchor, tag, content, line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(line),
            Event::Alias(anchor) => {
                let within = "an alias within what its own anchor names";
                let shared = self.anchors.get(&anchor).cloned();
                let shared = shared.ok_or_else(|| refused(line, within))?;
                self.put(shared, 0, line)
            }
            // Begin and end of what is read; the others are not asked for.
            _ => Ok(()),
        }
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Node, Unusable> {
        let says_string = tag.is_some_and(is_string);
        let tag = if says_string {
            None
        } else {
            self.tag(tag, span)?
        };
        let form = match style {
            ScalarStyle::Plain if !says_string => Form::Plain,
            ScalarStyle::SingleQuoted => Form::Single,
            _ => Form::Double,
        };
        // The parser says `~` for what is not there.
        let missing = style == ScalarStyle::Plain && span.start.index() >= span.end.index();
        let text = if missing {
            String::new()
        } else {
            text.into_owned()
        };
        let reference = match tag {
            None => reference_in(&text).map(Box::new),
            Some(_) => None,
        };
        Ok(Node::Scalar {
            scalar: Rc::new(Scalar { tag, text, form }),
            line: span.start.line(),
            reference,
        })
    }

    /// A tag as it was written. One whose meaning depends on a `%TAG` line would lose it.
    fn tag(&self, tag: Option<&Tag>, span: Span) -> Result<Option<String>, Unusable> {
        let Some(tag) = tag else {
            return Ok(None);
        };
        let line = span.start.line();
        let lasts = match tag.original_handle() {
            "!!" => tag.handle() == "tag:yaml.org,2002:",
            handle => handle == tag.handle(),
        };
        let written = span.tag_span().and_then(|span| span.slice(self.text));
        match written {
            Some(written) if lasts => Ok(Some(written.to_owned())),
            _ => Err(refused(
                line,
                "a tag that needs a %TAG line; write it as !<…>",
            )),
        }
    }

    fn begin(
        &mut self,
        anchor: usize,
        tag: Option<String>,
        content: Content,
        line: usize,
    ) -> Result<(), Unusable> {
        self.open.push(Open {
            anchor,
            tag,
            content,
            nodes: 1,
            depth: 0,
        });
        if self.open.len() > MAX_DEPTH {
            return Err(refused(line, "nested too deeply"));
        }
        Ok(())
    }

    fn end(&mut self, line: usize) -> Result<(), Unusable> {
        // The parser pairs beginnings and ends.
        let Some(ended) = self.open.pop() else {
            return Ok(());
        };
        let node = match ended.content {
            Content::List(items) => Node::List {
                tag: ended.tag,
                items,
            },
            Content::Map { entries, .. } => {
                let entries = merging::without_repeated(entries, &mut self.repeated);
                let entries = merging::merged(entries).map_err(|NoMap { line }| {
                    refused(line, "<< stands for a map or a list of maps")
                })?;
                Node::Map {
                    tag: ended.tag,
                    entries,
                }
            }
        };
        // What is in it was counted when it came.
        let node = Measured {
            node: Rc::new(node),
            nodes: ended.nodes,
            depth: ended.depth + 1,
        };
        self.nodes -= ended.nodes - 1;
        self.put(node, ended.anchor, line)
    }

    /// Puts a node where the next one belongs.
    fn put(&mut self, new: Measured, anchor: usize, line: usize) -> Result<(), Unusable> {
        self.nodes += new.nodes;
        if self.nodes > MAX_NODES {
            return Err(refused(line, "more than 1000000 values, aliases counted"));
        }
        if self.open.len() + new.depth > MAX_DEPTH {
            return Err(refused(line, "nested too deeply, by way of aliases"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, new.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(new.node);
            return Ok(());
        };
        open.nodes += new.nodes;
        open.depth = open.depth.max(new.depth);
        match &mut open.content {
            Content::List(items) => items.push(new.node),
            Content::Map { entries, key } => match key.take() {
                Some((key, line)) => entries.push(Entry {
                    key,
                    line,
                    value: new.node,
                }),
                None => match &*new.node {
                    Node::Scalar { scalar, .. } => *key = Some((key_of(scalar), line)),
                    _ => return Err(refused(line, "a map or list as a key")),
                },
            },
        }
        Ok(())
    }
}

/// A scalar as a key. One that is missing needs a letter to stand for it.
fn key_of(scalar: &Rc<Scalar>) -> Rc<Scalar> {
    if !scalar.is_null() || !scalar.text.is_empty() {
        return Rc::clone(scalar);
    }
    Rc::new(Scalar {
        tag: None,
        text: "~".to_owned(),
        form: Form::Plain,
    })
}

fn measured(node: Node, nodes: usize, depth: usize) -> Measured {
    Measured {
        node: Rc::new(node),
        nodes,
        depth,
    }
}

fn refused(line: usize, why: &'static str) -> Unusable {
    Unusable::Refused { line, why }
}

/// `!!str`, or `!`, which takes a scalar for a string.
fn is_string(tag: &Tag) -> bool {
    tag.is_yaml_core_schema_tag("str") || tag.original() == "!"
}
