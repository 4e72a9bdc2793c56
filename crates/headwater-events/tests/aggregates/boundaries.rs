//! States of queries over tags: what a decision saw is its boundary.

use headwater_events::{Decide, Event, ExecuteError, Expected, Source, State, Store, block_on};
use serde::{Deserialize, Serialize};

use crate::support::store;

#[derive(Debug, Serialize, Deserialize)]
enum Enrolment {
    CourseOpened { course: String, seats: u32 },
    Enrolled { course: String, student: String },
}

impl Event for Enrolment {
    fn tags(&self) -> Vec<String> {
        match self {
            Self::CourseOpened { course, .. } => vec![format!("course:{course}")],
            Self::Enrolled { course, student } => {
                vec![format!("course:{course}"), format!("student:{student}")]
            }
        }
    }
}

struct Seats {
    free: u32,
}

impl State for Seats {
    const NAME: &'static str = "course";
    type Event = Enrolment;
    fn initial(_: &str) -> Self {
        Self { free: 0 }
    }
    fn evolve(&mut self, event: &Enrolment) {
        match event {
            Enrolment::CourseOpened { seats, .. } => self.free += seats,
            Enrolment::Enrolled { .. } => self.free -= 1,
        }
    }
    fn source(course: &str) -> Source {
        Source::tagged::<Enrolment>([format!("course:{course}")])
    }
}

struct Timetable {
    courses: Vec<String>,
}

impl State for Timetable {
    const NAME: &'static str = "student";
    type Event = Enrolment;
    fn initial(_: &str) -> Self {
        let courses = Vec::new();
        Self { courses }
    }
    fn evolve(&mut self, event: &Enrolment) {
        if let Enrolment::Enrolled { course, .. } = event {
            self.courses.push(course.clone());
        }
    }
    fn source(student: &str) -> Source {
        Source::tagged::<Enrolment>([format!("student:{student}")])
    }
}

struct Enrol {
    course: String,
    student: String,
}

impl Decide for Enrol {
    type State = (Seats, Timetable);
    type Event = Enrolment;
    type Error = &'static str;
    fn decide(&self, state: &(Seats, Timetable)) -> Result<Vec<Enrolment>, &'static str> {
        let (seats, timetable) = state;
        match (seats.free, timetable.courses.len()) {
            (0, _) => Err("full"),
            (_, 2..) => Err("too many courses"),
            _ => Ok(vec![Enrolment::Enrolled {
                course: self.course.clone(),
                student: self.student.clone(),
            }]),
        }
    }
}

fn enrol(store: &Store, course: &str, student: &str) -> Result<(), &'static str> {
    let enrol = Enrol {
        course: course.into(),
        student: student.into(),
    };
    let execute = store.execute((course, student), enrol).attempts(100);
    match block_on(execute.into_future()) {
        Ok(_) => Ok(()),
        Err(ExecuteError::Domain(why)) => Err(why),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn neither_courses_nor_timetables_are_ever_overfull() {
    let store = store();
    for (course, seats) in [("a", 3), ("b", 4), ("c", 9)] {
        let course = course.to_owned();
        let opened = Enrolment::CourseOpened { course, seats };
        let new = opened.to_new().unwrap();
        block_on(store.append_to("courses", Expected::Any, [new])).unwrap();
    }
    let refused = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for student in 0..8 {
            let (store, refused) = (&store, &refused);
            scope.spawn(move || {
                for course in ["a", "b", "c"] {
                    if enrol(store, course, &format!("s{student}")).is_err() {
                        refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let mut enrolled = 0;
    for (course, seats) in [("a", 3), ("b", 4), ("c", 9)] {
        let free = block_on(store.load::<Seats>(course)).unwrap().state.free;
        assert!(free == 0 || course == "c", "whoever could be enrolled was");
        enrolled += seats - free;
    }
    let student = |n: i32| block_on(store.load::<Timetable>(&format!("s{n}"))).unwrap();
    let timetables: Vec<usize> = (0..8).map(|n| student(n).state.courses.len()).collect();
    assert!(timetables.iter().all(|n| *n <= 2), "{timetables:?}");
    assert_eq!(timetables.iter().sum::<usize>() as u32, enrolled);
    assert_eq!(refused.into_inner() as u32, 24 - enrolled);
}

#[test]
fn what_is_unrelated_does_not_conflict() {
    let store = store();
    let opened = Enrolment::CourseOpened {
        course: "a".into(),
        seats: 2,
    };
    block_on(store.append_to("courses", Expected::Any, [opened.to_new().unwrap()])).unwrap();
    enrol(&store, "a", "s1").unwrap();
    assert_eq!(enrol(&store, "b", "s1"), Err("full"));
    enrol(&store, "a", "s2").unwrap();
    assert_eq!(enrol(&store, "a", "s3"), Err("full"));
}
