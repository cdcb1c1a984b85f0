// Tells the desk that somebody is in front of this page, and says who else has the dispute open.
// Looking changes nothing: this is a POST, and nothing but presence is kept.
const EVERY_MS = 60000;
const AWAY_AFTER_MS = 600000;
let lastMove = Date.now();
for (const what of ["pointermove", "keydown", "scroll", "touchstart"]) {
    document.addEventListener(what, () => { lastMove = Date.now(); }, { passive: true });
}

async function sayHere() {
    const meta = document.querySelector("meta[name=desk-here]");
    if (!meta || Date.now() - lastMove > AWAY_AFTER_MS) return;
    const page = document.querySelector("[data-ticket-id]");
    const body = new URLSearchParams(page ? { ticket: page.dataset.ticketId } : {});
    try {
        const answer = await fetch(meta.content, { method: "POST", headers: { "X-CSRFToken": meta.dataset.token }, body });
        if (!answer.ok || answer.redirected) return;
        const said = await answer.json();
        const hint = document.getElementById("desk-hint");
        if (hint && hint.textContent !== said.hint) {
            hint.textContent = said.hint;
            hint.hidden = !said.hint;
        }
    } catch {
        // Away for a moment: the next round says it again.
    }
}

document.addEventListener("DOMContentLoaded", () => {
    sayHere();
    setInterval(sayHere, EVERY_MS);
});
