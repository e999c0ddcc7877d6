//! scratch
use hdrhistogram::Histogram;
use lab_kit::{Cx, Load, Arrivals, log};
fn run(name: &str, load: Load, hogs: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let cx = Cx::create(load.clone(), folder.path())?;
    let rt = cx.runtime().build()?;
    let r = cx.requests(rt.handle(), |_| async {})?;
    r.wait_for_window();
    let until = std::time::Instant::now() + load.duration();
    for _ in 0..hogs { rt.spawn(async move { while std::time::Instant::now() < until { for _ in 0..1000 { std::hint::spin_loop(); } } }); }
    r.finish()?;
    let (h, e) = log::read(&folder.path().join(log::REQUESTS))?;
    let mut lag = Histogram::<u64>::new(3)?; let mut resp = Histogram::<u64>::new(3)?;
    for e in e.skip(h.excluded) { let e = e?; lag.record(e.sent_ns.unwrap()-e.intended_ns)?; resp.record(e.ended_ns.unwrap()-e.intended_ns)?; }
    let p = h.pacer.unwrap();
    let q = |h: &Histogram<u64>| format!("{:.1}/{:.1}/{:.1}/{:.0}", h.value_at_quantile(0.5) as f64/1e3, h.value_at_quantile(0.99) as f64/1e3, h.value_at_quantile(0.999) as f64/1e3, h.max() as f64/1e3);
    println!("{name:40} spins {} lag {} resp {} work {:.2} us/req  share {:.1}%", h.spins, q(&lag), q(&resp), (p.cpu_ns-p.spin_ns) as f64/1e3/h.scheduled as f64, 100.0*(p.cpu_ns-p.spin_ns) as f64/p.wall_ns as f64);
    Ok(())
}
fn main() -> anyhow::Result<()> {
    let d = Load { rate: 2000.0, duration_ms: 3000, ..Load::DEFAULT };
    run("2k idle", d.clone(), 0)?;
    run("2k 1 hog", d.clone(), 1)?;
    run("2k poisson", Load{arrivals: Arrivals::Poisson, ..d.clone()}, 0)?;
    run("2k 2 workers idle", Load{workers:2,..d.clone()}, 0)?;
    run("2k 2 workers 2 hogs", Load{workers:2,..d.clone()}, 2)?;
    run("20k", Load{rate:20e3,..d.clone()}, 0)?;
    run("100k", Load{rate:100e3,..d.clone()}, 0)?;
    run("100k poisson", Load{rate:100e3,arrivals: Arrivals::Poisson,..d.clone()}, 0)?;
    run("500k", Load{rate:500e3,..d.clone()}, 0)?;
    Ok(())
}
