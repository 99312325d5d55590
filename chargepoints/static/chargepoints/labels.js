/* Names the search fields that select2 makes: it gives them no label of their own. */
(() => {
  "use strict";
  window.addEventListener("load", () => {
    for (const field of document.querySelectorAll(".select2-search__field")) {
      const select = field.closest(".select2-container")?.previousElementSibling;
      const label = select?.id ? document.querySelector(`label[for="${CSS.escape(select.id)}"]`) : null;
      field.setAttribute("aria-label", label ? label.textContent.trim() : "Search");
    }
  });
})();
