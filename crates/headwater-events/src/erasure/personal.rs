//! [`Personal`].

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of the field that marks what is personal.
pub(super) const MARK: &str = "$personal";

/// Something about a person, which can be forgotten. In a store with a [`Vault`](super::Vault) it is stored encrypted; without one,
/// as it is.
///
/// The subject is stored in the clear and must itself say nothing, such as a random id.
///
/// ```
/// use headwater_events::Personal;
/// let email = Personal::new("customer-7", "ada@example.com".to_owned());
/// let json = serde_json::to_string(&email)?;
/// assert_eq!(json, r#"{"$personal":{"subject":"customer-7","value":"ada@example.com"}}"#);
/// let forgotten: Personal<String> = serde_json::from_str(r#"{"$personal":{"subject":"customer-7"}}"#)?;
/// assert_eq!((forgotten.subject(), forgotten.get()), ("customer-7", None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal<T> {
    subject: String,
    value: Option<T>,
}

impl<T> Personal<T> {
    /// Something about a subject.
    pub fn new(subject: impl Into<String>, value: T) -> Self {
        Self {
            subject: subject.into(),
            value: Some(value),
        }
    }

    /// Whom it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it says; `None`: the subject was forgotten, or there is no key here.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Whether it cannot be read.
    pub fn is_redacted(&self) -> bool {
        self.value.is_none()
    }
}

#[derive(Serialize, Deserialize)]
struct Marked<I> {
    #[serde(rename = "$personal")]
    personal: I,
}

#[derive(Serialize)]
struct Out<'a, T> {
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a T>,
}

#[derive(Deserialize)]
struct In<T> {
    subject: String,
    #[serde(default = "Option::default")]
    value: Option<T>,
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let personal = Out {
            subject: &self.subject,
            value: self.value.as_ref(),
        };
        Marked { personal }.serialize(to)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Marked { personal } = Marked::<In<T>>::deserialize(from)?;
        Ok(Self {
            subject: personal.subject,
            value: personal.value,
        })
    }
}
