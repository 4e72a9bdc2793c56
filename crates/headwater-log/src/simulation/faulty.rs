//! [`FaultyDisk`].

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sectors::Sectors;
use crate::disk::memory::{copy_out, names_in, not_found};
use crate::disk::{Disk, DiskFile, OpenMode, parent};

/// How often other threads go first at most.
const UNREST_MAX: u64 = 20;

/// What goes wrong, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// The power goes with this operation that changes something, counted from 1.
    pub power_off_at: Option<u64>,
    /// This sync of a file fails with an input/output error, counted from 1.
    pub sync_fails_at: Option<u64>,
    /// Bytes that all files together may have.
    pub room_bytes: Option<u64>,
    /// Other threads go first now and then, before each operation: what seldom meets does so often.
    pub is_restless: bool,
}

/// A disk in memory that keeps apart what was synced and what was not.
#[derive(Debug, Clone)]
pub struct FaultyDisk(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    files: Vec<Sectors>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What was done to names since their directory was synced, in order.
    unsynced_names: Vec<NameChange>,
    faults: Faults,
    changes: u64,
    syncs: u64,
    is_off: bool,
    dice: Dice,
    unrest: Dice,
}

#[derive(Debug, Clone)]
enum NameChange {
    Made(String, usize),
    Renamed(String, String),
    Removed(String),
}

impl NameChange {
    fn dir(&self) -> &str {
        match self {
            Self::Made(path, _) | Self::Removed(path) | Self::Renamed(path, _) => parent(path),
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Made(path, file) => {
                names.insert(path.clone(), *file);
            }
            Self::Renamed(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Removed(path) => {
                names.remove(path);
            }
        }
    }
}

/// Repeatable chance (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }
}

impl FaultyDisk {
    /// An empty disk without faults.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            faults: Faults::default(),
            changes: 0,
            syncs: 0,
            is_off: false,
            dice: Dice(seed),
            unrest: Dice(seed),
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut world = lock();
        if !world.faults.is_restless {
            return world;
        }
        // Most often none, seldom many.
        let most = world.unrest.below(UNREST_MAX);
        let turns = world.unrest.below(most + 1);
        drop(world);
        (0..turns).for_each(|_| std::thread::yield_now());
        lock()
    }

    /// From now on these things go wrong; operations are counted anew.
    pub fn set_faults(&self, faults: Faults) {
        let mut world = self.world();
        world.faults = faults;
        world.changes = 0;
        world.syncs = 0;
    }

    /// Operations that changed something, since the faults were set.
    pub fn changes(&self) -> u64 {
        self.world().changes
    }

    /// Whether the power is gone: nothing works until [`crash`](Self::crash).
    pub fn is_off(&self) -> bool {
        self.world().is_off
    }

    /// Bytes of all files together.
    pub fn used_bytes(&self) -> u64 {
        self.world().used_bytes()
    }

    /// What a power cut leaves, as another disk: what was synced, and of the rest whatever chance leaves.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut world = self.world();
        let mut dice = Dice(world.dice.below(u64::MAX));
        let keep = dice.below(5);
        let files = world.files.iter().cloned();
        let files = files.map(|file| file.crash(&mut dice, keep)).collect();
        let mut names = world.durable_names.clone();
        let kept = dice.below(world.unsynced_names.len() as u64 + 1) as usize;
        for change in &world.unsynced_names[..kept] {
            change.apply(&mut names);
        }
        Self(Arc::new(Mutex::new(World {
            files,
            durable_names: names.clone(),
            names,
            unsynced_names: Vec::new(),
            faults: Faults::default(),
            changes: 0,
            syncs: 0,
            is_off: false,
            unrest: dice.clone(),
            dice,
        })))
    }

    /// Turns over a bit of a file, by chance; gives file and byte, `None` if all files are empty.
    pub fn flip_a_bit(&self) -> Option<(String, u64)> {
        let mut world = self.world();
        let paths: Vec<(String, usize)> = world
            .names
            .iter()
            .filter(|(_, file)| !world.files[**file].bytes().is_empty())
            .map(|(path, file)| (path.clone(), *file))
            .collect();
        if paths.is_empty() {
            return None;
        }
        let (path, file) = paths[world.dice.below(paths.len() as u64) as usize].clone();
        let len = world.files[file].bytes().len() as u64;
        let (at, bit) = (world.dice.below(len), world.dice.below(8) as u8);
        world.files[file].flip(at as usize, bit);
        Some((path, at))
    }
}

impl World {
    fn used_bytes(&self) -> u64 {
        let size = |file: &usize| self.files[*file].bytes().len() as u64;
        self.names.values().map(size).sum()
    }

    /// Counts an operation; it happens even if the power goes with it, as something unsynced.
    fn change(&mut self) -> io::Result<()> {
        if self.is_off {
            return Err(power_is_off());
        }
        self.changes += 1;
        self.is_off = self.faults.power_off_at == Some(self.changes);
        Ok(())
    }

    fn done(&self) -> io::Result<()> {
        if self.is_off {
            return Err(power_is_off());
        }
        Ok(())
    }

    fn rename(&mut self, change: NameChange) -> io::Result<()> {
        self.change()?;
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
        self.done()
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

impl Disk for FaultyDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        world.done()?;
        let file = match world.names.get(path) {
            Some(file) => *file,
            None if mode == OpenMode::Create => {
                world.files.push(Sectors::default());
                let file = world.files.len() - 1;
                world.rename(NameChange::Made(path.to_owned(), file))?;
                file
            }
            None => return Err(not_found(path)),
        };
        Ok(Arc::new(FaultyFile {
            disk: self.clone(),
            file,
        }))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let world = self.world();
        world.done()?;
        Ok(names_in(dir, world.names.keys()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        if !world.names.contains_key(from) {
            return Err(not_found(from));
        }
        world.rename(NameChange::Renamed(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut world = self.world();
        if world.names.contains_key(path) {
            world.rename(NameChange::Removed(path.to_owned()))?;
        }
        world.done()
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut world = self.world();
        world.change()?;
        world.done()?;
        let changes = std::mem::take(&mut world.unsynced_names);
        for change in changes {
            if change.dir() == dir {
                change.apply(&mut world.durable_names);
            } else {
                world.unsynced_names.push(change);
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    file: usize,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        let world = self.disk.world();
        world.done()?;
        copy_out(world.files[self.file].bytes(), into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        let len = world.files[self.file].bytes().len() as u64;
        let grows = (at + bytes.len() as u64).saturating_sub(len);
        if let Some(room) = world.faults.room_bytes
            && grows > 0
            && world.used_bytes() + grows > room
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        world.change()?;
        let file = self.file;
        world.files[file].write(bytes, at as usize);
        world.done()
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        world.change()?;
        world.done()?;
        world.syncs += 1;
        if world.faults.sync_fails_at == Some(world.syncs) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let file = self.file;
        world.files[file].sync();
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let world = self.disk.world();
        world.done()?;
        Ok(world.files[self.file].bytes().len() as u64)
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}
