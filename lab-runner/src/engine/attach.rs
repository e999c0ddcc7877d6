//! The wait of a run under tokio-console until somebody is watching. The child serves the console
//! and waits for a file; the parent makes that file once a client is connected, Enter was pressed,
//! or time is up. What the client saw before is lost otherwise: most runs are over before anybody
//! can type its address.

use lab_recorder::attach::{EVERY, LIMIT, SERVE, SUBSCRIBES};
use std::fs;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

/// Why a run starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// A client is connected.
    Attached,
    /// Somebody pressed Enter.
    Key,
    /// Time is up.
    Limit,
}

/// Whether the child serves the port in time.
pub(crate) fn is_served(port: u16) -> bool {
    let until = Instant::now() + SERVE;
    while Instant::now() < until {
        if sockets(port).is_some_and(|states| states.contains(&Socket::Listening)) {
            return true;
        }
        thread::sleep(EVERY);
    }
    false
}

/// Waits until a client is connected to the port, a key was pressed, or time is up.
pub(crate) fn wait_for_client(port: u16, keys: &Receiver<()>) -> Started {
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        if sockets(port).is_some_and(|states| states.contains(&Socket::Connected)) {
            thread::sleep(SUBSCRIBES);
            return Started::Attached;
        }
        // An error says that nobody can press a key: then this is no more than a pause.
        match keys.recv_timeout(EVERY) {
            Ok(()) => return Started::Key,
            Err(_) => thread::sleep(EVERY),
        }
    }
    Started::Limit
}

/// What a socket of this machine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Listening,
    Connected,
    Other,
}

/// The states of all IPv4 sockets at a local port; none where the kernel reports none. Looking
/// does not connect, which would be taken for a client.
fn sockets(port: u16) -> Option<Vec<Socket>> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    Some(states_at(&table, port))
}

fn states_at(table: &str, port: u16) -> Vec<Socket> {
    let mut states = Vec::new();
    for line in table.lines().skip(1) {
        // number: local_address:port remote_address:port state …, in hexadecimal digits
        let mut fields = line.split_whitespace().skip(1);
        let (Some(local), _, Some(state)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let at = local.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        if at == Some(port) {
            states.push(match state {
                "0A" => Socket::Listening,
                "01" => Socket::Connected,
                _ => Socket::Other,
            });
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::channel;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1A0D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:1A0D 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:C350 0100007F:1A0D 01 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 0100007F:1A0D 0100007F:C351 06 00000000:00000000 00:00000000 00000000     0        0 0 3
   4: damaged
";

    #[test]
    fn a_port_has_its_own_sockets_and_not_those_of_its_clients() {
        let states = [Socket::Listening, Socket::Connected, Socket::Other];
        assert_eq!(states_at(TABLE, 6_669), states);
        assert_eq!(states_at(TABLE, 50_000), [Socket::Connected], "the client's side");
        assert_eq!(states_at(TABLE, 6_670), []);
    }

    #[test]
    fn a_run_starts_when_a_client_is_connected_or_a_key_pressed() {
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = server.local_addr().unwrap().port();
        assert!(is_served(port));
        let (press, keys) = channel();
        press.send(()).unwrap();
        assert_eq!(wait_for_client(port, &keys), Started::Key, "no client yet");
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(wait_for_client(port, &keys), Started::Attached);
    }
}
