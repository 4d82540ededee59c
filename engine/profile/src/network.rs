//! Who is joined to whom: those that shared a phone, an address or a card within a window are one network.
//!
//! Everyone is tied to what it gave, and what was given is tied to everyone who gave it; ties are kept by day, as all
//! else, so they come late, are taken back and decay as records do. Whom one is joined to is found by following ties at
//! the moment of the record, in the order of the journal: the record itself joins nobody yet, but what stands in it leads
//! to those who gave the same before.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::ops::Range;

use haechi_rules::profile::{Profiles, Window};

use crate::cell::Fact;
use crate::entity::Entity;
use crate::plan::EntityPlan;
use crate::profiler::{last_day, shard_of};
use crate::series::Moment;
use crate::shard::{KeyHash, Shard, Spread, Taken};
use crate::shelf::{Position, Shelf, ShelfError, StateId};

/// Networks are followed to so many, the one that asks among them.
pub(crate) const MEMBERS_MAX: usize = 64;

/// So many records of a day may be taken back from what more share than may, and it is still known to be a hub.
const TAKEN_BACK_MAX: usize = 32;

/// What joins entities of a kind.
#[derive(Debug)]
pub(crate) struct NetworkPlan {
    /// The place of those that are joined.
    pub entity: usize,
    /// The place of their ties.
    pub ties: usize,
    /// How long a record joins.
    pub window: Window,
    /// What more than so many share joins nobody.
    pub hub: usize,
}

impl NetworkPlan {
    /// What one is tied to at a moment; nothing where that are too many.
    pub fn ties(&self, of: &Entity, moment: Moment) -> Vec<KeyHash> {
        of.series[0].ties(self.window, moment, self.hub).unwrap_or_default()
    }

    /// The networks that packs declare; ties come behind all declared entities.
    pub fn all(profiles: &Profiles) -> Vec<Self> {
        let declared = profiles.entities.len();
        let networks = profiles.entities.iter().enumerate();
        let networks = networks.filter_map(|(entity, profile)| Some((entity, profile.network.as_ref()?)));
        let plan = |(place, (entity, network)): (usize, (usize, &haechi_rules::profile::Network))| Self {
            entity,
            ties: declared + place,
            window: Window::Days(network.days),
            hub: network.hub as usize,
        };
        networks.enumerate().map(plan).collect()
    }
}

/// Those that one is joined to, the nearest first, by its ties and by what it shares: never more than [`MEMBERS_MAX`] with
/// itself.
pub(crate) fn follow<E>(
    own: KeyHash,
    links: &[KeyHash],
    mut ties: impl FnMut(KeyHash) -> Result<Vec<KeyHash>, E>,
) -> Result<Vec<KeyHash>, E> {
    let mut seen: HashSet<KeyHash> = HashSet::from([own]);
    let mut others = Vec::new();
    let mut next: Vec<KeyHash> = ties(own)?;
    next.extend(links);
    while !next.is_empty() {
        let mut found = Vec::new();
        for link in std::mem::take(&mut next) {
            if !seen.insert(link) {
                continue;
            }
            for other in ties(link)? {
                if seen.insert(other) {
                    if others.len() + 1 == MEMBERS_MAX {
                        return Ok(others);
                    }
                    others.push(other);
                    found.push(other);
                }
            }
        }
        for other in found {
            next.extend(ties(other)?);
        }
    }
    Ok(others)
}

/// What rows bring to a network: the one each is about, and what it shares.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// By row.
    pub own: Vec<Option<KeyHash>>,
    /// With their rows, in that order.
    pub links: Vec<(u32, KeyHash)>,
}

impl Shared {
    /// By the keys of the rows, and by the values of each link under its number.
    pub fn new(rows: usize, own: &[(u32, KeyHash)], links: impl Iterator<Item = (u64, Vec<(u32, KeyHash)>)>) -> Self {
        let mut by_row = vec![None; rows];
        for (row, key) in own {
            by_row[*row as usize] = Some(*key);
        }
        // The same text under another name is something else, and nobody's key.
        let spread = |number: u64, key: KeyHash| key ^ (KeyHash::from(number | 1) << 64 | KeyHash::from(number));
        let of_link = |(number, values): (u64, Vec<(u32, KeyHash)>)| {
            values.into_iter().map(move |(row, key)| (row, spread(number, key)))
        };
        let mut links: Vec<(u32, KeyHash)> = links.flat_map(of_link).collect();
        links.sort_unstable();
        links.dedup();
        Self { own: by_row, links }
    }

    /// What a row shares.
    fn of(&self, row: u32) -> &[(u32, KeyHash)] {
        let from = self.links.partition_point(|(at, _)| *at < row);
        let upto = self.links[from..].partition_point(|(at, _)| *at == row);
        &self.links[from..from + upto]
    }

    /// By whom these rows are, in the order of the first row of each.
    fn of_rows(&self, rows: Range<u32>) -> Vec<OfRows> {
        let mut of: Vec<OfRows> = Vec::new();
        let mut places: HashMap<KeyHash, usize, BuildHasherDefault<Spread>> = HashMap::default();
        for row in rows {
            let Some(own) = self.own[row as usize] else { continue };
            let place = *places.entry(own).or_insert_with(|| {
                of.push(OfRows { own, rows: Vec::new(), links: Vec::new() });
                of.len() - 1
            });
            of[place].rows.push(row);
            of[place].links.extend(self.of(row).iter().map(|(_, link)| *link));
        }
        // One row has each once.
        for OfRows { links, .. } in of.iter_mut().filter(|of| of.rows.len() > 1) {
            let mut seen: HashSet<KeyHash, BuildHasherDefault<Spread>> = HashSet::default();
            links.retain(|link| seen.insert(*link));
        }
        of
    }

    /// All whose ties are looked at.
    pub fn keys(&self) -> impl Iterator<Item = KeyHash> {
        self.own.iter().flatten().copied().chain(self.links.iter().map(|(_, link)| *link))
    }
}

/// What rows of one record bring that are by the same.
#[derive(Debug, PartialEq)]
struct OfRows {
    own: KeyHash,
    /// At least one.
    rows: Vec<u32>,
    /// All that they share, each once.
    links: Vec<KeyHash>,
}

impl OfRows {
    /// The moment of the first row.
    fn moment(&self, moments: &[Moment]) -> Moment {
        moments[self.rows[0] as usize]
    }
}

/// Whom rows are joined to by their networks.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// Rows with others.
    rows: Vec<JoinedRow>,
    others: Vec<KeyHash>,
    /// Rows that ask, each with another one for which it does, in that order.
    repeats: Vec<(u32, u32)>,
    /// By row: how many the network has, the one it is about among them.
    pub members: Vec<Option<i64>>,
}

/// A row with others.
#[derive(Debug)]
struct JoinedRow {
    row: u32,
    /// The row that asks for it: itself, or an earlier one of its record, by the same at the same moment.
    asks: u32,
    /// Where the others are.
    others: Range<usize>,
}

impl Joined {
    fn new(rows: usize) -> Self {
        Self { members: vec![None; rows], ..Self::default() }
    }

    /// Joins the rows of a record that are by the same.
    fn add(&mut self, of: &OfRows, moments: &[Moment], others: &[KeyHash]) {
        for row in &of.rows {
            self.members[*row as usize] = Some(others.len() as i64 + 1);
        }
        if others.is_empty() {
            return;
        }
        let first = self.others.len();
        self.others.extend(others);
        let others = first..self.others.len();
        let moment = |row: u32| moments[row as usize];
        for same in of.rows.chunk_by(|one, next| moment(*one) == moment(*next)) {
            let joined = |row: &u32| JoinedRow { row: *row, asks: same[0], others: others.clone() };
            self.rows.extend(same.iter().map(joined));
        }
    }

    /// Rows of one record may be about several, one after the other.
    fn sort(&mut self) {
        self.rows.sort_unstable_by_key(|joined| joined.row);
        let repeats = self.rows.iter().filter(|joined| joined.asks != joined.row);
        self.repeats = repeats.map(|joined| (joined.asks, joined.row)).collect();
        self.repeats.sort_unstable();
    }

    /// The row that asks for one that is joined to others: that row, or one that asks the same.
    pub fn asks_for(&self, row: u32) -> Option<u32> {
        let place = self.rows.binary_search_by_key(&row, |joined| joined.row).ok()?;
        Some(self.rows[place].asks)
    }

    /// The other rows that are told what this one is.
    pub fn repeats(&self, row: u32) -> impl Iterator<Item = u32> {
        let from = self.repeats.partition_point(|(asks, _)| *asks < row);
        self.repeats[from..].iter().take_while(move |(asks, _)| *asks == row).map(|(_, row)| *row)
    }

    /// Rows that ask, each with one that it is joined to.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, KeyHash)> {
        let asking = self.rows.iter().filter(|joined| joined.asks == joined.row);
        asking.flat_map(|joined| self.others[joined.others.clone()].iter().map(|key| (joined.row, *key)))
    }
}

/// The ties of one kind of entity on their way through records.
pub(crate) struct Ties<'p> {
    pub plan: &'p NetworkPlan,
    pub entity: &'p EntityPlan,
    pub id: StateId,
    pub shards: &'p mut [Shard],
    pub shelf: Option<&'p dyn Shelf>,
    /// Whether some of them may know the records already.
    pub again: bool,
    /// Where the first of the records stands.
    pub first: Position,
}

/// What a batch brings, with its moments.
pub(crate) type Brought<'p> = (&'p Shared, &'p [Moment], &'p [u32]);

impl Ties<'_> {
    /// Passes records: finds whom each is joined to where that is `asked`, and ties it.
    pub fn pass(
        &mut self,
        now: Brought<'_>,
        replaced: Option<Brought<'_>>,
        asked: bool,
        position: impl Fn(u32) -> Position,
    ) -> Result<Joined, ShelfError> {
        let (shared, moments, starts) = now;
        self.fetch(shared.keys().chain(replaced.iter().flat_map(|(shared, ..)| shared.keys())))?;
        let mut joined = Joined::new(shared.own.len());
        for (record, rows) in (0..).zip(starts.windows(2)) {
            let rows = rows[0]..rows[1];
            if let Some((shared, moments, starts)) = replaced {
                let rows = starts[record as usize]..starts[record as usize + 1];
                for of in shared.of_rows(rows) {
                    self.change(&of, of.moment(moments), position(record), false);
                }
            }
            let of_rows = shared.of_rows(rows);
            if asked {
                for of in &of_rows {
                    let others = self.others(of.own, &of.links, of.moment(moments))?;
                    joined.add(of, moments, &others);
                }
            }
            for of in of_rows {
                self.change(&of, of.moment(moments), position(record), true);
            }
        }
        joined.sort();
        Ok(joined)
    }

    fn shard(&mut self, key: KeyHash) -> &mut Shard {
        &mut self.shards[shard_of(key)]
    }

    /// Takes those that are not in memory from the shelf.
    fn fetch(&mut self, keys: impl Iterator<Item = KeyHash>) -> Result<(), ShelfError> {
        let Some(shelf) = self.shelf else { return Ok(()) };
        let mut missing: Vec<KeyHash> = keys.filter(|key| self.shards[shard_of(*key)].lacks_key(*key)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        missing.dedup();
        let found = shelf.fetch(self.id, &missing)?;
        for (key, bytes) in missing.into_iter().zip(found) {
            if let Some(bytes) = bytes {
                let again = self.again;
                self.shard(key).take_from_shelf(key, &bytes, again);
            }
        }
        Ok(())
    }

    /// Those that one is joined to.
    fn others(&mut self, own: KeyHash, links: &[KeyHash], moment: Moment) -> Result<Vec<KeyHash>, ShelfError> {
        follow(own, links, |key| self.ties(key, moment))
    }

    /// What one is tied to; nothing where that are too many.
    fn ties(&mut self, key: KeyHash, moment: Moment) -> Result<Vec<KeyHash>, ShelfError> {
        self.fetch(std::iter::once(key))?;
        let (plan, entity) = (self.plan, self.entity);
        let ties = self.shard(key).look(entity, key, |of| {
            if of.is_over(moment.known_day, entity.forget_after) { Vec::new() } else { plan.ties(of, moment) }
        });
        Ok(ties.unwrap_or_default())
    }

    /// Ties one and what it shares to each other, or takes that back.
    fn change(&mut self, of: &OfRows, moment: Moment, position: Position, tied: bool) {
        if of.links.is_empty() {
            return;
        }
        self.change_one(of.own, &of.links, moment, position, tied);
        for link in &of.links {
            self.change_one(*link, &[of.own], moment, position, tied);
        }
    }

    fn change_one(&mut self, key: KeyHash, to: &[KeyHash], moment: Moment, position: Position, tied: bool) {
        let (entity, hub, first) = (self.entity, self.plan.hub, self.first);
        let day = moment.day.clamp(moment.known_day, last_day(moment.known_day));
        let (again, shelved) = (self.again, self.shelf.is_some());
        let shard = self.shard(key);
        if again && shard.has(key, position) {
            return;
        }
        let mut taken: Taken = shard.take(entity, key);
        if taken.entity().is_over(moment.known_day, entity.forget_after) {
            taken.entity().clear(entity);
        }
        if shelved {
            shard.changed(key, first);
        }
        let ties = &mut taken.entity().series[0];
        for other in to {
            if !tied {
                ties.remove(&entity.series[0], moment, Fact::Tie(*other));
            } else if ties.ties_at(moment) < hub + TAKEN_BACK_MAX {
                // Of a day on which it is a hub in any case no more are kept.
                ties.add(&entity.series[0], moment, Fact::Tie(*other));
            }
        }
        taken.entity().note_day(day);
        shard.give_back(taken, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_record_bring_what_they_share_together() {
        let own = [(0, 1), (1, 2), (2, 1), (4, 1)];
        let links = vec![(0, 30), (0, 10), (1, 10), (2, 20), (2, 30), (3, 40), (4, 50), (4, 50)];
        let shared = Shared::new(5, &own, std::iter::once((0, links)));
        // Under the number of a link its texts have other keys, in the same order for all rows.
        let key = |link: KeyHash| link ^ 1 << 64;
        let of = |own: KeyHash, rows: &[u32], links: &[KeyHash]| OfRows {
            own,
            rows: rows.to_vec(),
            links: links.iter().map(|link| key(*link)).collect(),
        };
        assert_eq!(shared.of_rows(0..4), [of(1, &[0, 2], &[10, 30, 20]), of(2, &[1], &[10])]);
        assert_eq!(shared.of_rows(4..5), [of(1, &[4], &[50])]);
        assert_eq!(shared.of_rows(3..4), []);
    }
    #[test]
    fn rows_that_ask_the_same_ask_once() {
        let days = [9, 9, 9, 8, 9, 9];
        let moment = |day: i64| Moment { at_ms: day, day, known_ms: day, known_day: day };
        let moments: Vec<Moment> = days.into_iter().map(moment).collect();
        let of = |own: KeyHash, rows: &[u32]| OfRows { own, rows: rows.to_vec(), links: Vec::new() };
        let mut joined = Joined::new(6);
        joined.add(&of(1, &[0, 2, 3, 4]), &moments, &[2, 3]);
        joined.add(&of(2, &[1]), &moments, &[]);
        joined.add(&of(3, &[5]), &moments, &[1]);
        joined.sort();
        assert_eq!(joined.members, [3, 1, 3, 3, 3, 2].map(Some));
        let pairs: Vec<_> = joined.pairs().collect();
        assert_eq!(pairs, [(0, 2), (0, 3), (3, 2), (3, 3), (4, 2), (4, 3), (5, 1)]);
        let asks: Vec<_> = (0..6).map(|row| joined.asks_for(row)).collect();
        assert_eq!(asks, [Some(0), None, Some(0), Some(3), Some(4), Some(5)]);
        assert_eq!(joined.repeats(0).collect::<Vec<_>>(), [2]);
        assert_eq!(joined.repeats(3).count(), 0);
    }
}
