//! Sockets by id. An id names one socket for ever: after its end nothing else answers to it.

use core::fmt;

/// A socket of this stack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    index: u32,
    generation: u32,
}

impl SocketId {
    /// The place in the table, which later sockets may use again.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// The same, as timers know it.
    pub(crate) const fn place(self) -> u32 {
        self.index
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}.{}", self.index, self.generation)
    }
}

/// As programs name one: place and generation.
impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

/// A table with a fixed number of places, the last one freed used first.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
    /// Behind the last place that was ever used.
    high: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new(capacity: u32) -> Self {
        let places = (0..capacity).map(|_| Place { generation: 0, value: None }).collect();
        Self { places, free: (0..capacity).rev().collect(), high: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The id that the next [`Slab::insert`] gives, or `None` when the table is full.
    pub(crate) fn next_id(&self) -> Option<SocketId> {
        let &index = self.free.last()?;
        Some(SocketId { index, generation: self.places[index as usize].generation })
    }

    pub(crate) fn insert(&mut self, value: T) -> Option<SocketId> {
        let id = self.next_id()?;
        self.free.pop();
        self.places[id.index()].value = Some(value);
        self.high = self.high.max(id.index() + 1);
        Some(id)
    }

    pub(crate) fn remove(&mut self, id: SocketId) -> Option<T> {
        let place = self.places.get_mut(id.index()).filter(|p| p.generation == id.generation)?;
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(value)
    }

    pub(crate) fn get(&self, id: SocketId) -> Option<&T> {
        let place = self.places.get(id.index()).filter(|p| p.generation == id.generation)?;
        place.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut T> {
        let place = self.places.get_mut(id.index()).filter(|p| p.generation == id.generation)?;
        place.value.as_mut()
    }

    /// Bytes that all places take, used or not.
    pub(crate) fn footprint(&self) -> usize {
        size_of_val(&*self.places) + self.free.capacity() * size_of::<u32>()
    }

    /// Behind the last place that was ever used.
    pub(crate) fn high(&self) -> usize {
        self.high
    }

    /// What is in a place.
    pub(crate) fn at(&self, index: usize) -> Option<(SocketId, &T)> {
        let place = self.places.get(index)?;
        let id = SocketId { index: index as u32, generation: place.generation };
        Some((id, place.value.as_ref()?))
    }

    /// What is in the place of [`SocketId::place`].
    pub(crate) fn at_mut(&mut self, index: u32) -> Option<(SocketId, &mut T)> {
        let place = self.places.get_mut(index as usize)?;
        Some((SocketId { index, generation: place.generation }, place.value.as_mut()?))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketId, &T)> {
        (0..self.high).filter_map(|index| self.at(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_outlives_its_socket_without_naming_the_next_one() {
        let mut slab = Slab::new(1);
        let first = slab.insert('a').expect("room");
        assert_eq!(slab.insert('b'), None, "full");
        assert_eq!(slab.remove(first), Some('a'));
        assert_eq!(slab.remove(first), None);
        let second = slab.insert('c').expect("room");
        assert_eq!((first.index(), second.index()), (0, 0));
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'c')));
        assert_eq!(slab.iter().map(|(id, &c)| (id, c)).collect::<Vec<_>>(), [(second, 'c')]);
        assert_eq!((slab.len(), slab.high()), (1, 1));
    }
}
