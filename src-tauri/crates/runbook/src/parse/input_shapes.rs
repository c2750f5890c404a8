//! The grammar of inputs: one shape per type, and one per type of a list's items.

use super::CHOICES_MAX;
use super::shape::{Field, Shape, Tagged, Takes, may, must};
use crate::input::{INTEGER_MAX, ITEMS_MAX};

const ANY_INTEGER: Takes = Takes::Integer { min: -INTEGER_MAX, max: INTEGER_MAX };
const ANY_NUMBER: Takes = Takes::Number { min: None, max: None };
const COUNT: Takes = Takes::Integer { min: 0, max: ITEMS_MAX as i64 };
const WRITTEN_CHOICES: Takes = Takes::List { of: &Takes::Text, min: 1, max: CHOICES_MAX };

static CHOICE_FORMS: [Takes; 2] = [WRITTEN_CHOICES, Takes::Shape(&CHOICES)];

/// The fields of every type that mean something to a form.
macro_rules! form {
    ($default:expr) => {
        &[
            may("title", Takes::Text, "What the form calls it; its name where this is absent."),
            may("help", Takes::Text, "More about it, for the form."),
            may("default", $default, "What it is when nothing is typed."),
            may(
                "required",
                Takes::Boolean,
                "Whether something must be typed. Where this is absent: true unless there is a default.",
            ),
        ]
    };
}

/// The shape of an input.
macro_rules! input {
    ($word:literal, $doc:expr, $fields:expr, $default:expr) => {
        Shape::new(concat!("input-", $word), concat!("an input of type ", $word), $doc, $fields).shared(form!($default))
    };
}

/// The shape of an item of a list: the same without what a form needs.
macro_rules! item {
    ($word:literal, $doc:expr, $fields:expr) => {
        Shape::new(concat!("item-", $word), concat!("an item of type ", $word), $doc, $fields)
    };
}

/// Types without fields of their own.
macro_rules! bare {
    ($word:literal, $doc:expr) => {
        &[must("type", Takes::Words(&[$word]), $doc)]
    };
}

/// Types with bounds.
macro_rules! bounded {
    ($word:literal, $doc:expr, $takes:expr, $min:literal, $max:literal) => {
        &[must("type", Takes::Words(&[$word]), $doc), may("min", $takes, $min), may("max", $takes, $max)]
    };
}

const STRING_DOC: &str = "Text, exactly as it was typed.";
const INTEGER_DOC: &str = "A whole number.";
const NUMBER_DOC: &str = "A number.";
const BOOLEAN_DOC: &str = "Yes or no.";
const CHOICE_DOC: &str = "One of several texts.";
const LIST_DOC: &str = "Several values; typed one per line, or separated by commas on one line.";
const DURATION_DOC: &str = "A duration such as `1m30s`; in templates its number of seconds.";
const SIZE_DOC: &str = "A size such as `500MB` (10^6) or `2GiB` (2^30); in templates its number of bytes.";
const PERCENTAGE_DOC: &str = "A percentage, typed `10%` or `10`; in templates the number.";
const DATE_TIME_DOC: &str = "A date and time with its offset, `2026-11-20T04:00:00+01:00`; in templates in UTC.";
const HOST_DOC: &str = "The name of a host of the fleet.";
const FILE_DOC: &str = "The path of a file on the console.";
const SECRET_DOC: &str = "The name under which a secret is kept; never its value.";

const STRING_FIELDS: &[Field] = &[
    must("type", Takes::Words(&["string"]), STRING_DOC),
    may("pattern", Takes::Regex, "A regular expression that the whole text must match."),
];
const INTEGER_FIELDS: &[Field] = bounded!("integer", INTEGER_DOC, ANY_INTEGER, "The smallest.", "The largest.");
const NUMBER_FIELDS: &[Field] = bounded!("number", NUMBER_DOC, ANY_NUMBER, "The smallest.", "The largest.");
const BOOLEAN_FIELDS: &[Field] = bare!("boolean", BOOLEAN_DOC);
const CHOICE_FIELDS: &[Field] = &[
    must("type", Takes::Words(&["choice"]), CHOICE_DOC),
    must("choices", Takes::OneOf(&CHOICE_FORMS), "The choices, or who is asked for them."),
];
const CHOICE_ITEM_FIELDS: &[Field] =
    &[must("type", Takes::Words(&["choice"]), CHOICE_DOC), must("choices", WRITTEN_CHOICES, "The choices.")];
const LIST_FIELDS: &[Field] = &[
    must("type", Takes::Words(&["list"]), LIST_DOC),
    must("of", Takes::Tagged(&ITEM), "What each item is."),
    may("min", COUNT, "The fewest items."),
    may("max", COUNT, "The most items."),
];
const DURATION_FIELDS: &[Field] = bounded!("duration", DURATION_DOC, Takes::Duration, "The shortest.", "The longest.");
const SIZE_FIELDS: &[Field] = bounded!("size", SIZE_DOC, Takes::Size, "The smallest.", "The largest.");
const PERCENTAGE_FIELDS: &[Field] = bounded!(
    "percentage",
    PERCENTAGE_DOC,
    Takes::Percentage,
    "The smallest; 0% where it is absent.",
    "The largest; 100% where it is absent."
);
const DATE_TIME_FIELDS: &[Field] = bare!("date-time", DATE_TIME_DOC);
const HOST_FIELDS: &[Field] = bare!("host", HOST_DOC);
const FILE_FIELDS: &[Field] = bare!("file", FILE_DOC);
const SECRET_FIELDS: &[Field] = bare!("secret", SECRET_DOC);

static STRING: Shape = input!("string", STRING_DOC, STRING_FIELDS, Takes::AnyText);
static STRING_ITEM: Shape = item!("string", STRING_DOC, STRING_FIELDS);
static INTEGER: Shape = input!("integer", INTEGER_DOC, INTEGER_FIELDS, ANY_INTEGER);
static INTEGER_ITEM: Shape = item!("integer", INTEGER_DOC, INTEGER_FIELDS);
static NUMBER: Shape = input!("number", NUMBER_DOC, NUMBER_FIELDS, ANY_NUMBER);
static NUMBER_ITEM: Shape = item!("number", NUMBER_DOC, NUMBER_FIELDS);
static BOOLEAN: Shape = input!("boolean", BOOLEAN_DOC, BOOLEAN_FIELDS, Takes::Boolean);
static BOOLEAN_ITEM: Shape = item!("boolean", BOOLEAN_DOC, BOOLEAN_FIELDS);
static CHOICE: Shape = input!("choice", CHOICE_DOC, CHOICE_FIELDS, Takes::Text);
static CHOICE_ITEM: Shape = item!("choice", CHOICE_DOC, CHOICE_ITEM_FIELDS);
static LIST: Shape =
    input!("list", LIST_DOC, LIST_FIELDS, Takes::List { of: &Takes::Text, min: 0, max: ITEMS_MAX as usize });
static DURATION: Shape = input!("duration", DURATION_DOC, DURATION_FIELDS, Takes::Duration);
static DURATION_ITEM: Shape = item!("duration", DURATION_DOC, DURATION_FIELDS);
static SIZE: Shape = input!("size", SIZE_DOC, SIZE_FIELDS, Takes::Size);
static SIZE_ITEM: Shape = item!("size", SIZE_DOC, SIZE_FIELDS);
static PERCENTAGE: Shape = input!("percentage", PERCENTAGE_DOC, PERCENTAGE_FIELDS, Takes::Percentage);
static PERCENTAGE_ITEM: Shape = item!("percentage", PERCENTAGE_DOC, PERCENTAGE_FIELDS);
static DATE_TIME: Shape = input!("date-time", DATE_TIME_DOC, DATE_TIME_FIELDS, Takes::Text);
static DATE_TIME_ITEM: Shape = item!("date-time", DATE_TIME_DOC, DATE_TIME_FIELDS);
static HOST: Shape = input!("host", HOST_DOC, HOST_FIELDS, Takes::Text);
static HOST_ITEM: Shape = item!("host", HOST_DOC, HOST_FIELDS);
static FILE: Shape = input!("file", FILE_DOC, FILE_FIELDS, Takes::Text);
static FILE_ITEM: Shape = item!("file", FILE_DOC, FILE_FIELDS);
static SECRET: Shape = input!("secret", SECRET_DOC, SECRET_FIELDS, Takes::Text);

/// What a runbook asks for.
pub(super) static INPUT: Tagged = Tagged {
    name: "input",
    what: "an input",
    doc: "Something that an operator types. In templates: `{{ name }}`.",
    tag: "type",
    tag_doc: "What it takes.",
    shapes: &[
        ("string", &STRING),
        ("integer", &INTEGER),
        ("number", &NUMBER),
        ("boolean", &BOOLEAN),
        ("choice", &CHOICE),
        ("list", &LIST),
        ("duration", &DURATION),
        ("size", &SIZE),
        ("percentage", &PERCENTAGE),
        ("date-time", &DATE_TIME),
        ("host", &HOST),
        ("file", &FILE),
        ("secret", &SECRET),
    ],
};

/// What each item of a list is.
pub(super) static ITEM: Tagged = Tagged {
    name: "item",
    what: "an item of a list",
    doc: "What each item of a list is.",
    tag: "type",
    tag_doc: "What each item is.",
    shapes: &[
        ("string", &STRING_ITEM),
        ("integer", &INTEGER_ITEM),
        ("number", &NUMBER_ITEM),
        ("boolean", &BOOLEAN_ITEM),
        ("choice", &CHOICE_ITEM),
        ("duration", &DURATION_ITEM),
        ("size", &SIZE_ITEM),
        ("percentage", &PERCENTAGE_ITEM),
        ("date-time", &DATE_TIME_ITEM),
        ("host", &HOST_ITEM),
        ("file", &FILE_ITEM),
    ],
};

/// Choices that somebody is asked for.
pub(super) static CHOICES: Shape = Shape::new(
    "choices",
    "the source of choices",
    "Who is asked for the choices of an input when the form is opened.",
    &[
        may("run", Takes::Text, "A command on the console; one choice per line of its standard output."),
        may("url", Takes::Text, "The address of a JSON document."),
        may("json", Takes::Pointer, "Where in the document the list of choices stands."),
        may("timeout", Takes::Duration, "How long it may take; 10s where it is absent, 60s at most."),
    ],
)
.exactly_one(&["run", "url"]);
