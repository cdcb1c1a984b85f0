// A macro's text for this dispute goes where the cursor is, to be read and mended before it is sent.
document.addEventListener("change", (event) => {
    const choice = event.target.closest("[data-macros]");
    if (!choice) return;
    const text = choice.selectedOptions[0].dataset.text;
    const field = choice.closest("form").querySelector("[name=text]");
    if (!text || !field) return;
    const gap = field.value && !field.value.endsWith("\n") ? "\n" : "";
    field.setRangeText(gap + text, field.selectionStart, field.selectionEnd, "end");
    field.rows = Math.min(Math.max(field.value.split("\n").length + Math.ceil(field.value.length / 40), 4), 14);
    field.focus();
});
