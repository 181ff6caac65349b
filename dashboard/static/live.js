// While a run is going on: asks now and then whether there is news, puts the changed sections in, and says so.
"use strict";
(() => {
  const EVERY_MS = 4000;

  document.addEventListener("DOMContentLoaded", () => {
    const status = document.getElementById("live");
    if (!status) return;
    // As the server wrote them: scripts change what is in the page.
    const sources = new Map([...document.querySelectorAll("main > section")].map((part) => [part.id, part.innerHTML]));

    function take(section, place, all) {
      const old = document.getElementById(section.id);
      if (sources.get(section.id) === section.innerHTML) return;
      sources.set(section.id, section.innerHTML);
      if (old) {
        const open = [...old.querySelectorAll("details")].map((part) => part.open);
        old.innerHTML = section.innerHTML;
        old.querySelectorAll("details").forEach((part, place) => (part.open = open[place] ?? part.open));
      } else {
        const before = place && document.getElementById(all[place - 1].id);
        if (before) before.after(document.importNode(section, true));
        else document.querySelector("main").append(document.importNode(section, true));
      }
      document.dispatchEvent(new CustomEvent("section-changed", { detail: document.getElementById(section.id) }));
    }

    async function look() {
      try {
        const state = await (await fetch(status.dataset.address)).json();
        if (state.version !== status.dataset.version) {
          const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
          page.querySelectorAll("main > section").forEach(take);
          const contents = document.querySelector(".contents");
          const fresh = page.querySelector(".contents");
          if (contents && fresh) contents.innerHTML = fresh.innerHTML;
          status.dataset.version = state.version;
          status.textContent = state.text;
        }
        if (!state.running) return;
      } catch {
        status.textContent = "The dashboard does not answer; this page may be old.";
      }
      setTimeout(look, EVERY_MS);
    }

    setTimeout(look, EVERY_MS);
  });
})();
