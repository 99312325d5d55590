/* Opens the raw bodies of the timeline when they are asked for, keeps them through a refresh, and copies commands. What
   comes is a fragment that the server escaped, read by the parser, which runs no scripts. */
(() => {
  "use strict";

  const loaded = new Map(); // address -> fragment

  const place = (details, html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    details.querySelector(".cpo-loaded").replaceChildren(...fresh.childNodes);
  };

  const say = (details, words) => {
    const note = document.createElement("p");
    note.className = "cpo-quiet";
    note.textContent = words;
    details.querySelector(".cpo-loaded").replaceChildren(note);
  };

  const load = async (details) => {
    const address = details.dataset.load;
    if (loaded.has(address)) return place(details, loaded.get(address));
    say(details, "Loading…");
    try {
      const answer = await fetch(address, { cache: "no-store" });
      if (answer.redirected || answer.status !== 200) throw new Error(String(answer.status));
      loaded.set(address, await answer.text());
      place(details, loaded.get(address));
    } catch (error) {
      say(details, error.message === "403" ? "You may not see this." : "It could not be loaded. Close it and open it again.");
    }
  };

  const select = (text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };

  const copy = async (button) => {
    const text = button.closest("section").querySelector("pre");
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      select(text);
      button.textContent = "Selected: press Ctrl+C";
    }
  };

  /* `toggle` does not bubble, but it is seen on its way down. A part that comes with a refresh fires it too. */
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (details.open && details.dataset?.load) load(details);
  }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".cpo-copy");
    if (button) copy(button);
  });
})();
