//! How a simulator that is served on loopback takes its callers.
use tokio::net::{TcpListener, TcpStream};

/// The next connection. What is answered goes out at once: an answer in two pieces would else wait for the caller's
/// acknowledgement, which comes 40 ms later (Nagle's algorithm against delayed acknowledgements).
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        // A connection that is gone before it is taken is nobody's loss.
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            return stream;
        }
    }
}
