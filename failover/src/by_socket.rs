//! A table by socket, as quick as the table of sockets itself.

use mafo_stack::SocketId;

/// Values by socket. A place that another socket had before is empty for the next one.
#[derive(Debug)]
pub(crate) struct BySocket<T>(Vec<Option<(SocketId, T)>>);

impl<T> Default for BySocket<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> BySocket<T> {
    pub(crate) fn get(&self, id: SocketId) -> Option<&T> {
        self.0.get(id.index())?.as_ref().filter(|(of, _)| *of == id).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, id: SocketId) -> Option<&mut T> {
        self.0.get_mut(id.index())?.as_mut().filter(|(of, _)| *of == id).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, id: SocketId, value: T) {
        if self.0.len() <= id.index() {
            self.0.resize_with(id.index() + 1, || None);
        }
        self.0[id.index()] = Some((id, value));
    }

    pub(crate) fn remove(&mut self, id: SocketId) -> Option<T> {
        self.get(id)?;
        self.0.get_mut(id.index())?.take().map(|(_, value)| value)
    }
}
