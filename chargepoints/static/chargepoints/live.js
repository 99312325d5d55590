/* Brings what changed into an open page. The element with data-live asks its own address for the same part of the page
   again; parts (data-part) that are as before stay untouched, so that nobody loses a selection or what they opened. */
(() => {
  "use strict";

  const EVERY_MS = 3000;
  const SLOWEST_MS = 60000;

  const partsOf = (root) => [...root.querySelectorAll("[data-part]")];
  const keysOf = (parts) => parts.map((part) => part.dataset.part).join("|");
  /* What is opened or closed keeps the focus; it must not keep its part from being refreshed. */
  const focusedKey = () => document.activeElement?.closest("summary")?.closest("details[data-key]")?.dataset.key;
  const inUse = (part) => part !== document.activeElement && part.contains(document.activeElement) && !focusedKey();
  const keyed = (root, key) => root.querySelector(`details[data-key="${CSS.escape(key)}"]`);

  const withToken = (root) => {
    const known = document.querySelector("input[name=csrfmiddlewaretoken]");
    if (!known) return root;
    for (const form of root.querySelectorAll("form[method=post]")) {
      if (!form.querySelector("input[name=csrfmiddlewaretoken]")) form.prepend(known.cloneNode());
    }
    return root;
  };

  const keepOpened = (before, after) => {
    for (const details of before.querySelectorAll("details[open][data-key]")) {
      const same = keyed(after, details.dataset.key);
      if (same) same.open = true;
    }
    return after;
  };

  const show = (live, html) => {
    const fresh = withToken(new DOMParser().parseFromString(html, "text/html").querySelector("[data-live]"));
    if (!fresh) return;
    const [old, now] = [partsOf(live), partsOf(fresh)];
    if (keysOf(old) !== keysOf(now)) return live.replaceChildren(...keepOpened(live, fresh).childNodes);
    old.forEach((part, i) => {
      if (live.cpoSeen.get(part.dataset.part) === now[i].outerHTML || inUse(part)) return;
      live.cpoSeen.set(part.dataset.part, now[i].outerHTML);
      const key = part.contains(document.activeElement) ? focusedKey() : undefined;
      part.replaceWith(keepOpened(part, now[i]));
      if (key !== undefined) keyed(now[i], key)?.querySelector("summary").focus({ preventScroll: true });
      now[i].dispatchEvent(new CustomEvent("cpo:shown", { bubbles: true }));
    });
  };

  const noteOf = (live) => {
    const note = document.createElement("p");
    note.className = "cpo-live-note";
    note.setAttribute("role", "status");
    live.before(note);
    return note;
  };

  const say = (note, words, wrong) => {
    if (note.textContent !== words) note.textContent = words;
    note.classList.toggle("cpo-stale", wrong);
  };

  const watch = (live) => {
    let [wait, tag] = [EVERY_MS, ""];
    live.cpoSeen = new Map();
    const note = noteOf(live);
    const ask = async () => {
      if (document.hidden) return later();
      try {
        const answer = await fetch(live.dataset.live, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
        if (answer.redirected || ![200, 304].includes(answer.status)) throw new Error(String(answer.status));
        if (answer.status === 200) {
          tag = answer.headers.get("ETag") || "";
          show(live, await answer.text());
        }
        wait = EVERY_MS;
        say(note, "live", false);
      } catch (error) {
        wait = Math.min(wait * 2, SLOWEST_MS);
        say(note, "not live: what you see may be old", true);
      }
      later();
    };
    const later = () => setTimeout(ask, wait);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) wait = EVERY_MS; });
    later();
  };

  document.querySelectorAll("[data-live]").forEach(watch);
})();
