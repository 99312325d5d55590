/* Names the search fields that select2 makes, whenever it makes them: it gives them no label of their own. */
(() => {
  "use strict";

  const name = (field) => {
    const select = field.closest(".select2-container")?.previousElementSibling;
    const label = select?.id ? document.querySelector(`label[for="${CSS.escape(select.id)}"]`) : null;
    field.setAttribute("aria-label", label ? label.textContent.trim() : "Search");
  };

  const nameAll = () => document.querySelectorAll(".select2-search__field:not([aria-label])").forEach(name);

  if (document.querySelector("select.admin-autocomplete")) {
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
    nameAll();
  }
})();
