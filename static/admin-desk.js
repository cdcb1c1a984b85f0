// Dialogs answer with the status a refusal has (403, 409); they are shown all the same.
if (window.htmx) {
    htmx.config.responseHandling = [
        { code: "204", swap: false },
        { code: "...", swap: true },
    ];
    htmx.config.includeIndicatorStyles = false;
}

document.addEventListener("htmx:beforeSwap", (event) => {
    const answer = event.detail.xhr;
    if (event.detail.target.closest("#modal-content") === null) return;
    if (/id="dialog"/.test(answer.responseText)) return;
    // Not a dialog: signed out meanwhile, not allowed, or something broke. Say so.
    event.detail.shouldSwap = false;
    if (answer.responseURL && new URL(answer.responseURL).pathname.endsWith("/login/")) {
        window.location.reload();
        return;
    }
    sayThatItFailed(answer.status);
});
document.addEventListener("htmx:sendError", () => sayThatItFailed(0));
document.addEventListener("htmx:timeout", () => sayThatItFailed(0));

function sayThatItFailed(status) {
    const words = document.documentElement.lang.startsWith("zh")
        ? { 403: "\u60a8\u6ca1\u6709\u6743\u9650\u8fd9\u6837\u505a\u3002", 404: "\u6b64\u8bb0\u5f55\u5df2\u4e0d\u5b58\u5728\u3002", other: "\u64cd\u4f5c\u672a\u5b8c\u6210\uff0c\u8bf7\u91cd\u8bd5\u3002" }
        : { 403: "You may not do this.", 404: "This record does not exist any more.", other: "This was not carried out. Please try again." };
    let note = document.querySelector("#modal-content .desk-refusal");
    if (!note) {
        note = document.createElement("p");
        note.className = "desk-refusal";
        note.setAttribute("role", "alert");
        document.getElementById("modal-content").prepend(note);
    }
    note.textContent = `${words[status] || words.other}${status ? ` (${status})` : ""}`;
}

document.addEventListener("htmx:afterSettle", () => {
    const dialog = document.querySelector("#modal-content #dialog");
    if (!dialog || dialog.contains(document.activeElement)) return;
    const first = ["[autofocus]", "input:not([type=hidden]):not([disabled]), select, textarea", "button[type=submit]", ".desk-buttons a"]
        .map((selector) => dialog.querySelector(selector))
        .find((element) => element !== null);
    // The dialog is being faded in: what is not shown yet cannot take the focus.
    requestAnimationFrame(() => first.focus());
});

document.addEventListener("keydown", (event) => {
    const dialog = document.querySelector("#modal-content #dialog");
    const isOpen = dialog && dialog.offsetParent !== null;
    const isSelect = event.target.closest("select") !== null;
    if (isOpen && event.key === "Enter" && (event.ctrlKey || event.metaKey || isSelect)) {
        const form = dialog.querySelector("form");
        if (form) {
            event.preventDefault();
            form.requestSubmit();
        }
        return;
    }
    if (isOpen || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    const key = event.key.toLowerCase();
    const found = pressed(key) || document.querySelector(`.desk-verb[data-key="${CSS.escape(key)}"]`);
    if (found) {
        event.preventDefault();
        if (found !== true) found.click();
    }
});

// What a key stands for apart from the verbs: an element to click, true when done, or nothing.
function pressed(key) {
    if (key === "?") {
        const keys = document.getElementById("desk-keys");
        if (keys) keys.showModal();
        return keys !== null;
    }
    if (document.querySelector(".model-ticket #result_list")) return pressedInQueue(key);
    if (key === "j") return document.querySelector("[data-next]");
    if (key === "z") return document.querySelector("[data-zoom]");
    return null;
}

function pressedInQueue(key) {
    const rows = [...document.querySelectorAll("#result_list tbody tr, #result_list tr")].filter((row) => row.querySelector("th a"));
    const at = rows.findIndex((row) => row.classList.contains("desk-row"));
    const link = (row) => row && row.querySelector("th a");
    const focused = document.activeElement;
    if (key === "enter" && focused && focused.closest("a, button, summary") && !focused.closest(".desk-row")) return null;
    if (key === "enter" || key === "o") return link(rows[at] || rows[0]);
    if (key === "x" && rows[at]) return rows[at].querySelector("input[type=checkbox]");
    if (key !== "j" && key !== "k") return null;
    const next = rows[Math.min(Math.max(at + (key === "j" ? 1 : -1), 0), rows.length - 1)];
    rows.forEach((row) => row.classList.toggle("desk-row", row === next));
    if (next) {
        link(next).focus({ preventScroll: true });
        next.scrollIntoView({ block: "nearest" });
    }
    return true;
}
