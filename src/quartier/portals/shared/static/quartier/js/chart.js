"use strict";
/* Energy charts. uPlot gives the axes, the scales and the cursor; the energy of each interval is
   drawn here as a step: what was used upwards, what left the building downwards, estimates
   hatched, gaps left open. The server sends labels and numbers that are ready to show. */
(() => {
  const charts = new Map();

  function number(value, data) {
    if (value === null || value === undefined) return "–";
    const [whole, part] = Math.abs(value).toFixed(data.digits).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, data.group);
    const zero = Number(value.toFixed(data.digits)) === 0;
    return (value < 0 && !zero ? "−" : "") + grouped + (part ? "." + part : "") + "\u202f" + data.unit;
  }

  function color(probe, name) {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  }

  function hatch(context, paint, ratio) {
    const size = Math.round(6 * ratio);
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const pen = tile.getContext("2d");
    pen.strokeStyle = paint;
    pen.lineWidth = 1.4 * ratio;
    for (const shift of [-size, 0, size]) {
      pen.beginPath(); pen.moveTo(shift, size); pen.lineTo(shift + size, 0); pen.stroke();
    }
    return context.createPattern(tile, "repeat");
  }

  function bounds(data) {
    const stack = (series) => data.labels.map((_, i) => series.reduce((sum, one) => sum + (one.values[i] || 0), 0));
    const high = Math.max(0, ...stack(data.up), ...data.lines.flatMap((one) => one.values.map((v) => v || 0)));
    const low = -Math.max(0, ...stack(data.down));
    if (high === 0 && low === 0) return [0, 1];
    return [low * 1.06, high * 1.06];
  }

  function paint(u, data, root) {
    const c = u.ctx, ratio = devicePixelRatio || 1;
    const probe = root.querySelector(".plot");
    const paints = {};
    for (const one of [...data.up, ...data.down, ...data.lines]) {
      paints[one.color] ??= color(probe, one.color === "total" ? "ink" : `${one.color}-fill`);
    }
    const surface = color(probe, "surface"), danger = color(probe, "danger-text"), soft = color(probe, "danger-soft");
    probe.style.color = "";
    const count = data.labels.length;
    const edge = (i) => Math.round(u.valToPos(i - 0.5, "x", true));
    const y = (value) => Math.round(u.valToPos(value, "y", true));
    const wide = edge(1) - edge(0);
    const gap = count > 62 || wide < 5 * ratio ? 0 : Math.max(1, Math.round(wide * 0.18));
    const stripes = hatch(c, surface, ratio);
    c.save();
    c.beginPath(); c.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height); c.clip();
    for (let i = 0; i < count; i++) {
      const left = edge(i) + Math.floor(gap / 2), width = Math.max(1, edge(i + 1) - Math.ceil(gap / 2) - left);
      if (data.missing[i]) {
        c.fillStyle = soft;
        c.fillRect(edge(i), u.bbox.top, Math.max(1, edge(i + 1) - edge(i)), u.bbox.height);
        if (wide > 4 * ratio) {
          c.strokeStyle = danger; c.lineWidth = ratio; c.setLineDash([3 * ratio, 3 * ratio]);
          c.strokeRect(edge(i) + ratio, u.bbox.top + ratio, Math.max(1, edge(i + 1) - edge(i) - 2 * ratio), u.bbox.height - 2 * ratio);
          c.setLineDash([]);
        }
      }
      let top = 0;
      for (const one of data.up) {
        const value = one.values[i];
        if (!value) continue;
        const from = y(top); top += value;
        c.fillStyle = paints[one.color];
        c.fillRect(left, y(top), width, from - y(top));
        if (data.estimated[i]) { c.fillStyle = stripes; c.fillRect(left, y(top), width, from - y(top)); }
      }
      let bottom = 0;
      for (const one of data.down) {
        const value = one.values[i];
        if (!value) continue;
        const from = y(bottom); bottom -= value;
        c.globalAlpha = 0.35; c.fillStyle = paints[one.color];
        c.fillRect(left, from, width, y(bottom) - from);
        c.globalAlpha = 1; c.fillRect(left, y(bottom) - Math.max(1, ratio), width, Math.max(1, Math.round(1.5 * ratio)));
        if (data.estimated[i]) { c.fillStyle = stripes; c.fillRect(left, from, width, y(bottom) - from); }
      }
    }
    for (const one of data.lines) {
      c.strokeStyle = paints[one.color]; c.lineWidth = 1.75 * ratio; c.lineJoin = "round"; c.beginPath();
      let open = false;
      one.values.forEach((value, i) => {
        if (value === null) { open = false; return; }
        const at = y(value);
        if (!open) { c.moveTo(edge(i), at); open = true; }
        c.lineTo(edge(i), at); c.lineTo(edge(i + 1), at);
      });
      c.stroke();
    }
    c.restore();
  }

  function legend(root, data, i) {
    const at = i === null || i === undefined ? null : i;
    root.querySelector("[data-when]").textContent = at === null ? data.title : data.titles[at];
    for (const one of [...data.up, ...data.down, ...data.lines]) {
      const cell = root.querySelector(`[data-series="${one.id}"]`);
      if (cell) cell.textContent = number(at === null ? one.total : one.values[at], data);
    }
  }

  function draw(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const plot = root.querySelector(".plot");
    charts.get(root)?.destroy();
    plot.replaceChildren();
    const ink = color(plot, "ink-soft"), line = color(plot, "line"), strong = color(plot, "line-strong");
    plot.style.color = "";
    const count = data.labels.length;
    const size = () => ({ width: plot.clientWidth, height: plot.clientHeight });
    const font = "12px Inter, sans-serif";
    const x = data.labels.map((_, i) => i);
    const every = (u, space) => {
      const width = u.bbox.width / (devicePixelRatio || 1);
      const fit = Math.max(1, Math.floor(width / space));
      const steps = data.steps.find((step) => count / step <= fit) || Math.ceil(count / fit);
      // A label is centered on its part: one that would be cut at the right edge is left out.
      const fits = (i) => (count - i - 0.5) * width / count + 4 >= 3.5 * data.labels[i].length;
      return x.filter((i) => i % steps === 0 && fits(i));
    };
    const chart = new uPlot({
      ...size(),
      legend: { show: false },
      padding: [8, 4, 0, 0],
      scales: { x: { time: false, range: [-0.5, count - 0.5] }, y: { range: () => bounds(data) } },
      axes: [
        { stroke: ink, font, grid: { show: false }, ticks: { stroke: line, size: 4 }, gap: 4, size: 28,
          splits: (u) => every(u, data.label_width), values: (_, at) => at.map((i) => data.labels[i]) },
        { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, gap: 6, size: 58, space: 44,
          values: (_, at) => at.map((v) => {
            const digits = at.some((one) => !Number.isInteger(one)) ? (Math.max(...at.map(Math.abs)) < 0.5 ? 2 : 1) : 0;
            return number(v, { ...data, digits, unit: "" }).replace(/[\u202f−]*$/, "").replace("−", "");
          }) },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: {
        draw: [(u) => {
          paint(u, data, root);
          const zero = Math.round(u.valToPos(0, "y", true));
          u.ctx.strokeStyle = strong; u.ctx.lineWidth = devicePixelRatio || 1; u.ctx.beginPath();
          u.ctx.moveTo(u.bbox.left, zero); u.ctx.lineTo(u.bbox.left + u.bbox.width, zero); u.ctx.stroke();
        }],
        setCursor: [(u) => legend(root, data, u.cursor.left >= 0 ? u.cursor.idx : null)],
      },
    }, [x, x.map(() => 0)], plot);
    charts.set(root, chart);
    legend(root, data, null);
    keys(plot, chart, data, root);
  }

  /* The plot takes the arrow keys, so that exact values are within reach without a mouse. */
  function keys(plot, chart, data, root) {
    let at = null;
    plot.onkeydown = (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!move) return;
      event.preventDefault();
      at = Math.min(data.labels.length - 1, Math.max(0, (at ?? (move > 0 ? -1 : data.labels.length)) + move));
      chart.setCursor({ left: chart.valToPos(at, "x"), top: 10 });
    };
    plot.onblur = () => { at = null; chart.setCursor({ left: -10, top: -10 }); legend(root, data, null); };
  }

  const all = () => document.querySelectorAll("[data-chart]");
  const redraw = () => all().forEach(draw);
  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    const chart = charts.get(target.closest("[data-chart]"));
    if (chart && chart.width !== target.clientWidth) chart.setSize({ width: target.clientWidth, height: target.clientHeight });
  }));
  function start() {
    for (const root of charts.keys()) if (!root.isConnected) { charts.get(root).destroy(); charts.delete(root); }
    all().forEach((root) => {
      if (charts.has(root)) return;
      draw(root);
      sizes.observe(root.querySelector(".plot"));
    });
  }
  document.addEventListener("DOMContentLoaded", () => document.fonts.ready.then(start));
  document.addEventListener("htmx:afterSettle", start);
  document.addEventListener("quartier:theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
