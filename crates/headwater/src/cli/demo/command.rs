//! The command: folder, statements, the week, the summary.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater::Options;

use super::pace::Pace;
use super::player::{Player, Step};
use super::screen::{Scene, Screen};
use super::summary::{self, Figures};
use super::{folder, week};
use crate::cli::args::DemoArgs;
use crate::cli::control::{Client, Server};
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::host::Host;
use crate::cli::interrupt;
use crate::cli::request::Request;
use crate::cli::style::say;

/// How often Ctrl-C is looked for while nothing is due.
const NAP: Duration = Duration::from_millis(20);

/// Runs the demo.
pub(crate) fn run(args: &DemoArgs) -> Outcome {
    interrupt::listen()?;
    if Client::connect(&args.data)?.is_some() {
        let shown = args.data.display();
        return Err(Failure::new(
            Code::Conflict,
            format!("'{shown}' is in use by another process"),
        )
        .with_hint(format!("ask it: headwater sql --data {shown}")));
    }
    if args.reset {
        folder::reset(&args.data)?;
    }
    folder::prepare(&args.data)?;
    let host = Arc::new(Host::open(&args.data, options())?);
    let server = serve(&host, &args.data)?;
    server.last();
    start(&host)?;
    let mut player = Player::new(host.log().clone(), week::events()?)?;
    let screen = Screen::open(player.total())?;
    let outcome = play(&host, &mut player, screen, args);
    drop(server);
    let closed = host.close();
    outcome.and(closed)
}

fn serve(host: &Arc<Host>, dir: &Path) -> Outcome<Server> {
    let host = Arc::clone(host);
    Server::start(dir, move |request, replies| host.answer(request, replies))
}

/// A second run creates what is there already.
fn options() -> Options {
    Options {
        repeats: true,
        ..Options::default()
    }
}

/// Runs the statements; those of an earlier run are there already and go on.
fn start(host: &Host) -> Outcome {
    for text in week::STATEMENTS {
        let request = Request::Sql {
            text: text.to_owned(),
            waits: false,
        };
        host.answer(request, &mut |_| Ok(()))?;
    }
    Ok(())
}

/// Plays what is left of the week.
fn play(host: &Host, player: &mut Player, mut screen: Screen, args: &DemoArgs) -> Outcome {
    let started = Instant::now();
    let before = player.played();
    if before > 0 {
        screen.note(&format!(
            "going on after {before} events; --reset starts afresh"
        ));
    }
    let pace = Pace::new(args.speed, started, player.time());
    loop {
        if interrupt::is_asked() {
            screen.close();
            let left = player.total() - player.played();
            say(format_args!(
                "stopped with {left} events left; the same command goes on from here"
            ));
            return Ok(());
        }
        match player.decide(&pace, Instant::now()) {
            Step::Play(end) => player.play(end)?,
            Step::Wait(time) => std::thread::sleep(time.min(NAP)),
            Step::Over => break,
        }
        screen.show(host, scene(player))?;
    }
    host.catch_up()?;
    screen.close();
    let figures = Figures {
        events: player.played() - before,
        took: started.elapsed(),
        epochs: host.epochs(),
        commit_times: std::mem::take(&mut player.commit_times),
    };
    summary::print(host, figures)
}

fn scene(player: &Player) -> Scene {
    Scene {
        time: player.time(),
        played: player.played(),
        total: player.total(),
    }
}
