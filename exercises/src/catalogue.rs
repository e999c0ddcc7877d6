//! The catalogues: the shop's API again, beside an import of documents that are few and large.

use lab_kit::{Counter, Cx};
use scenario_greedy::shop::quote;
use serde_json::Value;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

pub use scenario_greedy::shop::Message;

/// The catalogues of a night, in the sequence in which the partners sent them.
pub type Backlog = std::vec::IntoIter<Message>;

/// Number of catalogues of a night: few, because each of them takes long.
const CATALOGUES: usize = 4;

/// What the shop keeps of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// The number under which a partner sells it.
    pub sku: u64,
    /// The price.
    pub cents: u64,
}

/// The shop's catalogues: the newest of each partner.
#[derive(Debug)]
pub struct Catalogues {
    shelf: futures::lock::Mutex<Shelf>,
    /// The content of the catalogue that each key stands for.
    expected: Arc<[Fingerprint]>,
    /// The end of the measured time.
    until: Instant,
    stored: AtomicU64,
    stored_in_window: AtomicU64,
}

/// What is stored.
#[derive(Debug, Default)]
struct Shelf {
    /// Number of catalogues that were stored so far.
    puts: usize,
    products: HashMap<usize, Vec<Product>>,
}

/// What the products of a catalogue are recognised by, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    products: usize,
    hash: u64,
}

impl Fingerprint {
    fn of(products: &[Product]) -> Fingerprint {
        let mix = |hash: u64, product: &Product| {
            (hash ^ product.sku).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ product.cents
        };
        Fingerprint { products: products.len(), hash: products.iter().fold(0, mix) }
    }
}

impl Catalogues {
    /// An empty store that knows which catalogues are to come.
    fn expecting(expected: Arc<[Fingerprint]>, until: Instant) -> Catalogues {
        Catalogues {
            shelf: futures::lock::Mutex::default(),
            expected,
            until,
            stored: AtomicU64::new(0),
            stored_in_window: AtomicU64::new(0),
        }
    }

    /// Stores the products of a partner in place of older ones.
    pub async fn put(&self, key: usize, products: Vec<Product>) {
        let as_sent =
            self.expected.get(key).is_some_and(|sent| *sent == Fingerprint::of(&products));
        let mut shelf = self.shelf.lock().await;
        // Keys are numbers in the sequence in which the catalogues came.
        let in_sequence = shelf.puts == key;
        shelf.puts += 1;
        shelf.products.insert(key, products);
        let counts = u64::from(as_sent && in_sequence);
        self.stored.fetch_add(counts, Ordering::Relaxed);
        if Instant::now() <= self.until {
            self.stored_in_window.fetch_add(counts, Ordering::Relaxed);
        }
    }
}

/// Runs the API under its load, with one import for each worker that starts with the measured time.
///
/// A catalogue counts if its products were stored as they came, in the sequence in which they came,
/// when `import` returned.
pub fn serve<F, Fut>(cx: &Cx, import: F) -> anyhow::Result<()>
where
    F: Fn(Backlog, Arc<Catalogues>) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let (messages, expected): (Vec<Message>, Vec<Fingerprint>) =
        (0..CATALOGUES).map(|key| catalogue(cx.seed(), key, cx.load().size)).unzip();
    let expected: Arc<[Fingerprint]> = expected.into();
    let clock = Clock::new(cx)?;
    clock.message_us.set(time_to_parse(&messages[0])?.as_micros() as u64);
    let runtime = cx.runtime().build()?;
    let requests = cx.requests(runtime.handle(), |request| async move {
        black_box(quote(request.number));
    })?;
    requests.wait_for_window();
    let until = Instant::now() + cx.load().duration();
    let imports: Vec<JoinHandle<anyhow::Result<()>>> = (0..cx.load().workers)
        .map(|_| {
            let backlog = messages.clone().into_iter();
            let catalogues = Arc::new(Catalogues::expecting(Arc::clone(&expected), until));
            clock.waiting.add(messages.len() as u64);
            let clock = clock.clone();
            runtime.spawn(async move {
                let begin = Instant::now();
                import(backlog, Arc::clone(&catalogues)).await?;
                clock.note(&catalogues, begin.elapsed());
                Ok(())
            })
        })
        .collect();
    requests.finish()?;
    for import in imports {
        runtime.block_on(import)??;
    }
    Ok(())
}

/// Counters of the imports.
#[derive(Clone)]
struct Clock {
    waiting: Counter,
    stored: Counter,
    stored_in_window: Counter,
    import_us: Counter,
    message_us: Counter,
}

impl Clock {
    fn new(cx: &Cx) -> anyhow::Result<Clock> {
        let counter = |name: &str| cx.probe().counter(name);
        let clock = Clock {
            waiting: counter("catalogues_waiting")?,
            stored: counter("catalogues_stored")?,
            stored_in_window: counter("catalogues_stored_in_window")?,
            import_us: counter("import_us")?,
            message_us: counter("message_us")?,
        };
        clock.stored.set(0);
        clock.stored_in_window.set(0);
        Ok(clock)
    }

    /// Counts what an import had stored when it returned.
    fn note(&self, catalogues: &Catalogues, took: Duration) {
        self.stored.add(catalogues.stored.load(Ordering::Relaxed));
        self.stored_in_window.add(catalogues.stored_in_window.load(Ordering::Relaxed));
        self.import_us.raise_to(took.as_micros() as u64);
    }
}

/// The shortest of three measurements of the time to parse a catalogue and to free it again.
fn time_to_parse(message: &Message) -> anyhow::Result<Duration> {
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let begin = Instant::now();
        drop(black_box(serde_json::from_str::<Value>(&message.body)?));
        shortest = shortest.min(begin.elapsed());
    }
    Ok(shortest)
}

/// A catalogue of at least `size` bytes, generated from a seed.
fn catalogue(seed: u64, key: usize, size: usize) -> (Message, Fingerprint) {
    const GOODS: [&str; 6] =
        ["kettle", "reading lamp", "bicycle bell", "notebook", "rain coat", "chess set"];
    let mut random = Random(seed.wrapping_add(key as u64));
    let mut body = format!(r#"{{"partner":"partner-{key:04}","products":["#);
    body.reserve(size + 512);
    let mut products = Vec::new();
    while body.len() < size {
        let product = Product { sku: random.below(100_000_000), cents: 99 + random.below(25_000) };
        let separator = if products.is_empty() { "" } else { "," };
        let title = GOODS[random.below(GOODS.len() as u64) as usize];
        let [width, height, depth] = [0; 3].map(|_: u64| 20 + random.below(800));
        let [shop, store, transit] = [0; 3].map(|_: u64| random.below(40));
        body += &format!(
            r#"{separator}{{"sku":{},"title":"{title}","cents":{},"currency":"EUR","#,
            product.sku, product.cents
        );
        body += &format!(
            r#""box_mm":{{"width":{width},"height":{height},"depth":{depth}}},"stock":[{shop},{store},{transit}],"#
        );
        body += r#""tags":["gift wrap","imported"],"on_sale":true}"#;
        products.push(product);
    }
    let total: u64 = products.iter().map(|product| product.cents).sum();
    body += &format!(r#"],"count":{},"total_cents":{total}}}"#, products.len());
    (Message { key, body: body.into() }, Fingerprint::of(&products))
}

/// A generator of numbers, splitmix64: the same seed makes the same numbers.
struct Random(u64);

impl Random {
    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_a_document_with_the_products_of_its_fingerprint() {
        let (message, fingerprint) = catalogue(7, 2, 10_000);
        assert!((10_000..10_600).contains(&message.body.len()), "{}", message.body.len());
        let document: Value = serde_json::from_str(&message.body).unwrap();
        let number = |value: &Value| value.as_u64().unwrap();
        let products: Vec<Product> = document["products"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| Product { sku: number(&one["sku"]), cents: number(&one["cents"]) })
            .collect();
        assert_eq!(Fingerprint::of(&products), fingerprint);
        assert_eq!(number(&document["count"]), products.len() as u64);
        assert_eq!(
            number(&document["total_cents"]),
            products.iter().map(|one| one.cents).sum::<u64>()
        );
        assert_eq!(catalogue(7, 2, 10_000).1, fingerprint);
        assert_ne!(catalogue(8, 2, 10_000).1, fingerprint);
    }
}
