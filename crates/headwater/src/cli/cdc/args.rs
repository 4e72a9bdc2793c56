//! The arguments of `cdc`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::{DataArgs, Format};

const CONFIG: &str = "FILE
  url = \"postgres://me:${env:PGPASSWORD}@localhost:5432/shop\"
  tables = [\"public.orders\", \"customers\"]   # without a schema: public
or
  url = \"mysql://me:${env:MYSQL_PWD}@localhost:3306/shop\"   # or mariadb://; encrypted with ?ssl-mode=verify-identity
  tables = [\"orders\", \"sales.lines\"]   # without a database: that of the URL
and where wanted:
  backfill = true                # what is in the tables, then their changes; false: only changes
  backfill-only = false          # end when what is in the tables has been read, and leave no slot
  backfill-always = false        # read the tables at each start
  backfill-tables = ['.*_new']   # only these; of the others changes
  tables-matching = ['sales\\..*']  # and the tables whose names match these regular expressions, also those that are made later,
  tables-except = ['.*_old']      # but for those,
  schemas = ['sales']            # in these schemas (PostgreSQL) or databases = ['shop'] (the others): alone, all tables of these
  on-loss = \"stop\"               # or \"backfill\": read the tables anew when the server has lost changes
  topic-prefix = \"shop\"          # topics are PREFIX.SCHEMA.TABLE or PREFIX.DATABASE.TABLE; unless said, the prefix is
                                 # the database of PostgreSQL; the others have none for rows and their name for events
  format = \"rows\"                # or \"debezium-json\", \"maxwell-json\", \"canal-json\": their events
and for Debezium's:
  [debezium]
  schemas = false                # each key and value with its schema
  decimals = \"precise\"           # bytes in base64; or \"string\" or \"double\"
  times = \"adaptive\"             # or \"connect\": milliseconds, by the types of Kafka Connect; or \"isostring\"
  intervals = \"numeric\"          # microseconds; or \"string\": of ISO 8601
  binary = \"bytes\"               # in base64; or \"base64\", \"base64-url-safe\", \"hex\": as strings
  unsigned = \"long\"              # BIGINT UNSIGNED of MariaDB and MySQL; or \"precise\": a decimal's bytes in base64
  tombstones = true              # after each deletion
  unwrapped = false              # rows in place of events, and tombstones in place of deletions
  transactions = false           # each event says where it stands in its transaction; beginnings and ends of these are
  transaction-topic = \"transaction\"   # put into PREFIX.transaction
  heartbeat-ms = 10000           # how often PREFIX goes into a topic that says that the capture goes on; unless said, never
  heartbeat-topic = \"__debezium-heartbeat\"   # before a dot and PREFIX
of what is not taken over as it is:
  skip = \"d,t\"                  # kinds of changes that are not taken over: c(reated), u(pdated), d(eleted), t(runcated)
  [columns]                      # by regular expressions of SCHEMA.TABLE.COLUMN or DATABASE.TABLE.COLUMN; what identifies rows stays as it is
  exclude = ['.*\\.password']     # or include
  mask = { '.*\\.mail' = 5 }      # so many *
  hash = { '.*\\.phone' = \"${env:SALT}\" }   # SHA-256 of the salt and the text, or { salt, algorithm, debezium = \"v2\" }
  truncate = { '.*\\.note' = 100 }   # characters
  key = ['.*\\.(customer|id)']    # what records have as their key, unless the primary key; it must identify rows
  [where]                        # PostgreSQL 15 or later, MariaDB, MySQL
  orders = \"amount > 0\"         # a condition for the table and its changes: of PostgreSQL any of SQL, of the others see the guide
  [backfill-where]               # the same for what is in a table at first: changes are those of all rows
  orders = \"id > 1000\"
of PostgreSQL:
  slot = \"headwater\"             # its name, and that of the capture
  publication = \"headwater\"      # called as the slot unless said
  create-publication = true      # make it, and add tables to it
  [logical-messages]             # of pg_logical_emit_message
  topic = \"messages\"            # by their prefix, as they are; with debezium-json as events
  prefixes = ['shop\\..*']        # regular expressions; all unless said
  [heartbeat]
  interval-ms = 10000
  statement = \"UPDATE …\"        # unless said, a message of our own into the server's log
of MariaDB and MySQL:
  name = \"headwater\"             # of the capture
  server-id = 5400               # as which no other replica is known; unless said, one is made up

An outbox instead of tables:
  url = \"postgres://me:${env:PGPASSWORD}@localhost:5432/shop\"
  outbox = \"public.outbox\"       # its table; or messages = \"shop\", the prefix of pg_logical_emit_message (PostgreSQL)
and where wanted:
  name = \"headwater_outbox\"      # its name, and that of its slot and publication
  ask = false                    # ask the table again and again, where nothing may replicate; of MariaDB and MySQL it is emptied
  prune = false                  # delete rows that are published
  backlog = true                 # publish what is there at first
  partitions = 1                 # of topics that are made
  [router]                       # as Debezium's event router has them
  route.topic.replacement = \"outbox.event.${routedByValue}\"
  table.fields.additional.placement = \"type:header:eventType\"

The configuration of a connector of Debezium is taken as it is: properties, JSON, a KafkaConnector of Strimzi. A key that there
is nothing for is refused by its name.";

#[derive(Debug, Args)]
pub(crate) struct CdcArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(subcommand)]
    pub(crate) command: CdcCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CdcCommand {
    /// Capture tables of PostgreSQL, MariaDB or MySQL, or an outbox of theirs, into topics, until Ctrl-C; the next run goes on from there
    #[command(after_help = CONFIG)]
    Run {
        /// The file that says what; - is standard input
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// End when everything that is committed now is in the topics
        #[arg(long)]
        once: bool,
    },
    /// List what a server lacks for the capture of tables, each with the statement that mends it; exit code 1 if something
    Check {
        /// postgres://user:password@host:5432/database, or mysql://…; ${env:NAME} stands for a variable
        url: String,
        /// The tables; of MariaDB and MySQL all of the database unless some are named
        tables: Vec<String>,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Show how far captures are, table by table, and outboxes
    Status {
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Read a table of a running capture once more, beside its changes and over what is in its topic
    Snapshot {
        /// The capture: its slot, or its name
        capture: String,
        /// The table, as `cdc status` shows it: public.orders
        table: String,
        /// Only rows that a condition holds for: "amount > 100"
        #[arg(long = "where", value_name = "CONDITION")]
        filter: Option<String>,
    },
    /// Read no more of the tables of a running capture for now; their changes come nevertheless
    Pause {
        /// The capture: its slot, or its name
        capture: String,
    },
    /// Read the tables of a running capture again, from where that was paused
    Resume {
        /// The capture: its slot, or its name
        capture: String,
    },
    /// Work with the slots of a server
    Slot {
        #[command(subcommand)]
        command: SlotCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SlotCommand {
    /// Drop a slot: the server keeps nothing for it any more, and its capture cannot go on
    Drop {
        /// postgres://user:password@host:5432/database
        url: String,
        /// The slot
        name: String,
    },
}
