// The proof viewer: pictures one after the other, as large as needed, with their facts beside them.
document.addEventListener("DOMContentLoaded", () => {
    const viewer = document.getElementById("desk-zoom");
    const links = [...document.querySelectorAll("[data-zoom]")];
    if (!viewer || !links.length) return;
    const picture = viewer.querySelector("img");
    const room = viewer.querySelector(".desk-zoom-room");
    let at = 0;
    let scale = 1;

    function size() {
        picture.style.width = scale === 1 ? "" : `${picture.naturalWidth * fit() * scale}px`;
        picture.classList.toggle("desk-zoom-fit", scale === 1);
    }
    function fit() {
        return Math.min(room.clientWidth / picture.naturalWidth, room.clientHeight / picture.naturalHeight, 1);
    }
    function show(index) {
        at = (index + links.length) % links.length;
        scale = 1;
        const figure = links[at].closest("figure");
        const image = figure.querySelector("img");
        picture.src = links[at].href;
        picture.alt = image.alt;
        size();
        viewer.querySelector("#desk-zoom-name").textContent = `${at + 1} / ${links.length} · ${image.alt}`;
        viewer.querySelector(".desk-zoom-facts").replaceChildren(...[...figure.querySelector("figcaption").cloneNode(true).childNodes]);
        if (!viewer.open) viewer.showModal();
    }
    function zoom(by) {
        scale = Math.min(Math.max(scale * by, 1), 12);
        size();
    }

    links.forEach((link, index) => link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        show(index);
    }));
    viewer.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (event.target === viewer || (button && "zoomClose" in button.dataset)) viewer.close();
        else if (button && button.dataset.zoomStep) show(at + Number(button.dataset.zoomStep));
        else if (button) zoom(Number(button.dataset.zoomBy));
        else if (event.target === picture) zoom(scale < 2 ? 2.5 : 0.01);
    });
    viewer.addEventListener("keydown", (event) => {
        const act = { ArrowLeft: () => show(at - 1), ArrowRight: () => show(at + 1), "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), z: () => viewer.close() }[event.key];
        if (!act) return;
        event.preventDefault();
        event.stopPropagation();
        act();
    });
    room.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.altKey) return;
        event.preventDefault();
        zoom(event.deltaY < 0 ? 1.15 : 0.87);
    }, { passive: false });
});
