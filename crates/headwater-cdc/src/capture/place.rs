//! Places in the logs of servers.

use std::fmt;

use crate::debezium::{BinlogPlace, OriginPlace, WalPlace};
use crate::{mysql, postgres};

/// A place in the log of a server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// Of PostgreSQL.
    PostgreSql(postgres::Lsn),
    /// Of MariaDB or MySQL.
    MySql(mysql::Position),
}

impl Place {
    /// Whether all that lies before `other` in the log of the same server lies before this.
    pub fn reaches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PostgreSql(this), Self::PostgreSql(other)) => this >= other,
            (Self::MySql(this), Self::MySql(other)) => this.reaches(other),
            _ => false,
        }
    }

    /// How many bytes of the log lie between an earlier place and this; `None`: the server does not number them all.
    pub fn bytes_since(&self, earlier: &Self) -> Option<u64> {
        match (self, earlier) {
            (Self::PostgreSql(this), Self::PostgreSql(earlier)) => {
                Some(this.0.saturating_sub(earlier.0))
            }
            (Self::MySql(this), Self::MySql(earlier)) if earlier.reaches(this) => Some(0),
            (Self::MySql(this), Self::MySql(earlier)) if this.file == earlier.file => {
                Some(this.offset.saturating_sub(earlier.offset))
            }
            _ => None,
        }
    }

    /// The place as events tell it, a number; those of MariaDB and MySQL have none.
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::PostgreSql(lsn) => lsn.0,
            Self::MySql(_) => 0,
        }
    }

    /// The place in PostgreSQL's log; `None`: it lies in another.
    pub(super) fn lsn(&self) -> Option<u64> {
        match self {
            Self::PostgreSql(lsn) => Some(lsn.0),
            Self::MySql(_) => None,
        }
    }

    /// The place as it stands in the source of what was read there.
    pub(crate) fn origin(&self) -> OriginPlace {
        match self {
            Self::PostgreSql(lsn) => OriginPlace::Wal(WalPlace {
                xid: None,
                lsn: lsn.0,
                after: lsn.0,
            }),
            Self::MySql(mysql::Position { file, offset, .. }) => {
                let place = BinlogPlace {
                    file: file.clone(),
                    offset: *offset,
                    ..BinlogPlace::default()
                };
                OriginPlace::Binlog(place.into(), 0)
            }
        }
    }

    /// The later one of two.
    pub(crate) fn latest(known: Option<Self>, other: Self) -> Self {
        match known {
            Some(known) if known.reaches(&other) => known,
            _ => other,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PostgreSql(lsn) => lsn.fmt(f),
            Self::MySql(position) => position.fmt(f),
        }
    }
}

impl From<postgres::Lsn> for Place {
    fn from(lsn: postgres::Lsn) -> Self {
        Self::PostgreSql(lsn)
    }
}

impl From<mysql::Position> for Place {
    fn from(position: mysql::Position) -> Self {
        Self::MySql(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_all_servers_are_stored_and_ordered() {
        let mysql = |file: &str, offset| {
            Place::from(mysql::Position {
                file: file.to_owned(),
                offset,
                gtids: "0-1-7".parse().unwrap(),
            })
        };
        let lsn = |n| Place::from(postgres::Lsn(n));
        for place in [lsn(7), mysql("b.000001", 4)] {
            let stored = serde_json::to_string(&place).unwrap();
            assert_eq!(serde_json::from_str::<Place>(&stored).unwrap(), place);
        }
        assert!(lsn(8).reaches(&lsn(7)) && !lsn(7).reaches(&lsn(8)));
        assert!(!lsn(8).reaches(&mysql("b.000001", 4)));
        assert_eq!(lsn(9).bytes_since(&lsn(7)), Some(2));
        let far = mysql("b.000002", 4);
        assert_eq!(far.bytes_since(&mysql("b.000001", 4)), None);
        assert_eq!(Place::latest(Some(lsn(8)), lsn(7)), lsn(8));
    }
}
