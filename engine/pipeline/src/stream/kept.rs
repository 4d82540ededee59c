//! Under which keys the store has what is remembered.

use haechi_profile::StateId;
use haechi_store::{Position, Store, StoreError};

use super::entities::ReachesBack;

/// Entities, by kind and key.
const ENTITY: u8 = b'e';
/// By kind: from which position on the store lacks anything.
const COMPLETE: u8 = b'p';
/// By kind: from which position on records were told of it, and how far back it reaches.
const TOLD: u8 = b'u';

/// The key of an entity.
pub(super) fn state_key(of: StateId, key: u128) -> Vec<u8> {
    let mut whole = Vec::with_capacity(25);
    whole.push(ENTITY);
    whole.extend_from_slice(&of.0.to_be_bytes());
    whole.extend_from_slice(&key.to_be_bytes());
    whole
}

/// An entity in the store: its kind, its key, its bytes.
pub(super) type Kept = (StateId, u128, Vec<u8>);

/// The next entities after those looked at before, by key; after the last of all it begins anew.
pub(super) fn next_entities(store: &Store, after: &mut Option<Vec<u8>>, limit: usize) -> Result<Vec<Kept>, StoreError> {
    let found = store.states(&[ENTITY], after.as_deref(), limit)?;
    *after = if found.len() < limit { None } else { found.last().map(|(key, _)| key.clone()) };
    let entity = |(key, bytes): (Vec<u8>, Vec<u8>)| {
        let (of, key) = key.get(1..)?.split_first_chunk()?;
        Some((StateId(u64::from_be_bytes(*of)), u128::from_be_bytes(key.try_into().ok()?), bytes))
    };
    Ok(found.into_iter().filter_map(entity).collect())
}

/// Of entities of this kind the store has everything before a position.
pub(super) fn put_complete_from(of: StateId, from: Position) -> (Vec<u8>, Option<Vec<u8>>) {
    (key(COMPLETE, of), Some(from.to_le_bytes().to_vec()))
}

/// What is told of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// From this position on records are; not while it is being filled.
    pub usable_from: Option<Position>,
    /// How far back its history reaches, where that is not the beginning.
    pub reaches_back: Option<ReachesBack>,
}

/// This is told of entities of a kind.
pub(super) fn put_usable_from(of: StateId, told: Told) -> (Vec<u8>, Option<Vec<u8>>) {
    let Told { usable_from, reaches_back } = told;
    // No position is 0.
    let mut bytes = usable_from.unwrap_or_default().to_le_bytes().to_vec();
    if let Some(ReachesBack { position, known_at_ms }) = reaches_back {
        bytes.extend_from_slice(&position.to_le_bytes());
        bytes.extend_from_slice(&known_at_ms.to_le_bytes());
    }
    (key(TOLD, of), Some(bytes))
}

/// The store has nothing of a kind that can be gone on with.
pub(super) fn forget_kind(of: StateId) -> [(Vec<u8>, Option<Vec<u8>>); 2] {
    [(key(COMPLETE, of), None), (key(TOLD, of), None)]
}

/// By kind: from where on the store lacks anything of it. It lacks all of what it never had.
pub(super) fn complete_from(
    store: &Store,
    kinds: impl IntoIterator<Item = StateId>,
) -> Result<Vec<(StateId, Position)>, StoreError> {
    let from = |of: StateId| Ok((of, position(store.state(&key(COMPLETE, of))?).unwrap_or_default()));
    kinds.into_iter().map(from).collect()
}

/// From which position on records were told of a kind; `None` where that is not known.
pub(crate) fn usable_from(store: &Store, of: StateId) -> Result<Option<Position>, StoreError> {
    Ok(told(store, of)?.usable_from)
}

/// What is told of a kind.
pub(super) fn told(store: &Store, of: StateId) -> Result<Told, StoreError> {
    let bytes = store.state(&key(TOLD, of))?.unwrap_or_default();
    let mut numbers = bytes.as_chunks::<8>().0.iter().copied();
    let usable_from = numbers.next().map(Position::from_le_bytes).filter(|from| *from > 0);
    let reaches_back = numbers.next().zip(numbers.next()).map(|(position, known_at_ms)| ReachesBack {
        position: Position::from_le_bytes(position),
        known_at_ms: i64::from_le_bytes(known_at_ms),
    });
    Ok(Told { usable_from, reaches_back })
}

fn position(bytes: Option<Vec<u8>>) -> Option<Position> {
    Some(Position::from_le_bytes(bytes?.try_into().ok()?))
}

fn key(what: u8, of: StateId) -> Vec<u8> {
    let mut key = vec![what];
    key.extend_from_slice(&of.0.to_be_bytes());
    key
}
