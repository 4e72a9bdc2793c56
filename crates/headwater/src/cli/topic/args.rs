//! The arguments of `headwater topic`.

use clap::{Args, Subcommand};

use crate::cli::args::{DataArgs, Format};

#[derive(Debug, Args)]
pub(crate) struct TopicArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(subcommand)]
    pub(crate) command: TopicCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// List topics
    List {
        /// Internal topics too
        #[arg(short, long)]
        internal: bool,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Create topics
    Create {
        /// Their names
        #[arg(required = true)]
        topics: Vec<String>,
        /// How many partitions
        #[arg(short, long, default_value_t = 1)]
        partitions: u32,
        /// A setting, as in Kafka: retention.ms, retention.bytes, cleanup.policy, compression.type
        #[arg(short = 'c', long = "topic-config", value_name = "KEY=VALUE")]
        config: Vec<String>,
    },
    /// Describe a topic: partitions with their offsets, settings
    Describe {
        /// Its name
        topic: String,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Produce records, one a line of standard input
    Produce(ProduceArgs),
    /// Consume records
    Consume(ConsumeArgs),
    /// Delete topics with their records
    Delete {
        /// Their names
        #[arg(required = true)]
        topics: Vec<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "FORMATS
  %k key, %v value, %p partition, %% percent, \\n \\t \\xNN; a field ends where the text after it begins.
  %v{hex} and %v{base64} are decoded. -o writes %t topic, %p partition, %o offset, %i number of the
  record; -o '' writes nothing.")]
pub(crate) struct ProduceArgs {
    /// The topic
    pub(crate) topic: String,
    /// The key of all records
    #[arg(short, long)]
    pub(crate) key: Option<String>,
    /// A header of all records; may be repeated
    #[arg(short = 'H', long = "header", value_name = "KEY:VALUE")]
    pub(crate) headers: Vec<String>,
    /// The partition; by the key's hash unless said
    #[arg(short, long)]
    pub(crate) partition: Option<u32>,
    /// What a line holds, see below
    #[arg(short, long, default_value = "%v", value_name = "FORMAT")]
    pub(crate) format: String,
    /// What is written for each record, see below
    #[arg(
        short,
        long,
        default_value = "Produced to partition %p at offset %o.\\n",
        value_name = "FORMAT"
    )]
    pub(crate) output_format: String,
    /// An empty value is a tombstone
    #[arg(short = 'Z', long)]
    pub(crate) tombstone: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "OFFSETS
  start     from the first record            end       from the end, waiting for more
  N         from offset N                    :N        up to offset N
  N1:N2     from N1 up to N2                 :end      up to the present end
  +N        from N after the start           -N        from N before the end
  @T        from time T                      @:T       up to time T
  @T1:T2    from T1 up to T2
  A time is in Unix milliseconds (13 digits) or seconds, 2013-01-31, 2013-01-31T10:00:00Z, or a
  duration from now: -90s, -48h. As T2 after a time a duration counts from that: @2013-01-31:1h.

FORMATS
  json, jsonl, or a text with %t topic, %p partition, %o offset, %k key, %v value, %d timestamp,
  %T %K %V lengths, %H number of headers, %h{ %k=%v} each header, %i number of the record,
  %% percent, \\n \\t \\r \\xNN. Text in other forms: %v{hex}, %v{base64}; numbers: %o{hex16},
  %V{big32}, %V{little32}, %p{byte}; times: %d{strftime[%F %T]}.")]
pub(crate) struct ConsumeArgs {
    /// The topic
    pub(crate) topic: String,
    /// Where to begin and where to stop, see below
    #[arg(short, long, default_value = "start", allow_hyphen_values = true)]
    pub(crate) offset: String,
    /// Stop after this many records
    #[arg(short, long, value_name = "N")]
    pub(crate) num: Option<u64>,
    /// Only these partitions
    #[arg(short, long, value_delimiter = ',')]
    pub(crate) partitions: Vec<u32>,
    /// How records are written, see below
    #[arg(short, long, default_value = "json")]
    pub(crate) format: String,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    #[test]
    fn negative_offsets_are_values() {
        let cli = Cli::try_parse_from(["headwater", "topic", "consume", "t", "-o", "-10"]);
        let Command::Topic(args) = cli.expect("parses").command else {
            panic!("another command");
        };
        let TopicCommand::Consume(consume) = args.command else {
            panic!("another verb");
        };
        assert_eq!(consume.offset, "-10");
    }
}
