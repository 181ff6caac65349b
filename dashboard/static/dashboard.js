// Draws the charts in the page's colours, when they come into view, and again when the colours change.
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Set();

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function draw(plot) {
    const { data, layout } = JSON.parse(plot.dataset.figure);
    const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
    const themed = {
      margin: { l: 50, r: 20, t: 20, b: 45 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--ink"), family: "system-ui, sans-serif" },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      ...layout,
    };
    for (const name of Object.keys(themed)) {
      if (/^[xy]axis\d*$/.test(name)) {
        // With a standoff, long tick labels push the title away.
        const title = { standoff: 12, ...themed[name].title };
        themed[name] = { ...axis, ...themed[name], title };
      }
    }
    themed.xaxis ??= axis;
    themed.yaxis ??= axis;
    delete themed.template;
    Plotly.react(plot, data, themed, { responsive: true, displaylogo: false, displayModeBar: false });
    drawn.add(plot);
  }

  // Unfolds what the address names, and all around it.
  function unfold(hash) {
    const target = document.getElementById(decodeURIComponent(hash.slice(1)));
    for (let box = target?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    return target;
  }

  function show(hash) {
    const target = unfold(hash);
    if (target?.tagName !== "DETAILS") return;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  }

  // Kubeflow puts pages into a frame without an address, where the browser takes links within them for links within
  // Kubeflow's own page, and loads that into the frame.
  const hasNoAddress = location.protocol === "about:";

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link?.hash) return;
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    // Going where one is already changes no address.
    const isHere = link.hash === location.hash;
    if (!hasNoAddress && !(isHere && target?.tagName === "DETAILS")) return;
    event.preventDefault();
    if (!isHere) location.hash = link.hash;
    else if (target?.tagName === "DETAILS") show(link.hash);
    else target?.scrollIntoView();
  });
  addEventListener("hashchange", () => show(location.hash));

  document.addEventListener("DOMContentLoaded", () => {
    show(location.hash);
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (entry.isIntersecting) {
            watcher.unobserve(entry.target);
            draw(entry.target);
          }
        }
      },
      { rootMargin: "400px" },
    );
    const watch = (part) => part.querySelectorAll(".plot").forEach((plot) => watcher.observe(plot));
    watch(document);
    document.addEventListener("section-changed", (event) => {
      drawn.forEach((plot) => plot.isConnected || drawn.delete(plot));
      watch(event.detail);
    });
    dark.addEventListener("change", () => drawn.forEach(draw));
    addEventListener("beforeprint", () => document.querySelectorAll(".plot").forEach((plot) => drawn.has(plot) || draw(plot)));
  });
})();
