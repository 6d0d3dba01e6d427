//! The way of one request through the fake, faults and all.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::answer::{Now, answer};
use super::call::Call;
use super::clock::http_date;
use super::cut::Disturbance;
use super::faults::Fault;
use super::reply::Reply;
use super::route::Route;
use super::world::World;

/// Further ahead than any token reaches.
const LATER_SECONDS: u64 = 1 << 40;

/// Answers a call, and says what is to be wrong with the connection.
pub(super) async fn serve(world: Arc<Mutex<World>>, call: Call) -> (Reply, Option<Disturbance>) {
    let lock = || world.lock().unwrap_or_else(PoisonError::into_inner);
    let route = Route::of(&call.method, &call.segments());
    let (number, fault) = {
        let mut world = lock();
        (world.journal.begin(route, &call), world.faults.next(route))
    };
    match fault {
        Some(Fault::Hang) => pending().await,
        Some(Fault::Latency(time)) => tokio::time::sleep(time).await,
        _ => {}
    }
    let mut world = lock();
    let reply = answered(&mut world, &call, route, fault.as_ref());
    world.journal.end(number, reply.status);
    (reply, fault.as_ref().and_then(Fault::disturbance))
}

fn answered(world: &mut World, call: &Call, route: Route, fault: Option<&Fault>) -> Reply {
    let skew = fault.map_or(0, Fault::skew_seconds);
    let service = world.clock.now().saturating_add_signed(skew);
    let mut now = Now {
        service,
        tokens: service,
    };
    if fault == Some(&Fault::TokenExpired) {
        now.tokens += LATER_SECONDS;
    }
    let reply = fault.and_then(Fault::instead).unwrap_or_else(|| {
        let reply = answer(world, call, route, now).unwrap_or_else(Reply::from);
        let reply = spelt(reply, world.secrets.leaves_nulls_out);
        fault.map_or_else(|| reply.clone(), |fault| fault.spoil(reply.clone()))
    });
    if let Some(Fault::Between { .. }) = fault {
        return reply;
    }
    reply
        .with("date", http_date(service))
        .with("opc-request-id", request_id(call))
}

/// The client's part, if it sent one, and two of the service's.
fn request_id(call: &Call) -> String {
    let of_service = "0123456789ABCDEF0123456789ABCDEF";
    let of_client = call.header("opc-request-id").unwrap_or("csid0000");
    format!("{of_client}/{of_service}/{of_service}")
}

fn spelt(mut reply: Reply, leaves_nulls_out: bool) -> Reply {
    if leaves_nulls_out && let Ok(mut body) = serde_json::from_slice(&reply.body) {
        leave_nulls_out(&mut body);
        reply.body = body.to_string().into();
    }
    reply
}

fn leave_nulls_out(value: &mut Value) {
    match value {
        Value::Object(parts) => {
            parts.retain(|_, part| !part.is_null());
            parts.values_mut().for_each(leave_nulls_out);
        }
        Value::Array(parts) => parts.iter_mut().for_each(leave_nulls_out),
        _ => {}
    }
}
