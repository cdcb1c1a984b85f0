// Many disputes, one by one: each row says how it went while the bar fills.
document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-together]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    const bar = form.querySelector("progress");
    const told = form.querySelector("[data-told]");
    const rows = [...form.querySelectorAll("[data-row]")];
    const fields = new FormData(form);
    fields.delete("ticket");
    const empty = [...form.querySelectorAll("select")].find((field) => !field.value);
    if (empty) return empty.focus();
    button.disabled = true;
    let refused = 0;
    for (const [index, row] of rows.entries()) {
        const badge = row.querySelector("[data-result]");
        const body = new FormData();
        for (const [name, value] of fields) body.append(name, value);
        body.append("ticket", row.dataset.row);
        let result = { ok: false, said: form.dataset.broken };
        try {
            const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
            if (answer.ok && !answer.redirected) result = (await answer.json()).results[0];
        } catch {
            // Said in the row; the others go on.
        }
        refused += result.ok ? 0 : 1;
        badge.textContent = result.said;
        badge.classList.add(result.ok ? "desk-badge--good" : "desk-badge--bad");
        bar.value = index + 1;
        told.textContent = `${form.dataset.done} ${index + 1 - refused} / ${rows.length}${refused ? ` · ${form.dataset.failed} ${refused}` : ""}`;
    }
});
