// Browsers start no worker from a page on disk, so there the search runs in a hidden frame of this page.
if (location.protocol === "file:" && !window.IFrameWorker) {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.appendChild(this.frame);
      const inside = this.frame.contentWindow;
      inside.document.open();
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.importScripts = (...scripts) =>
        scripts.reduce((before, script) => before.then(() => new Promise((done, failed) => {
          const tag = inside.document.createElement("script");
          tag.src = script;
          tag.onload = done;
          tag.onerror = failed;
          inside.document.body.appendChild(tag);
        })), Promise.resolve());
      const loaded = new Promise((done) => inside.addEventListener("load", done, { once: true }));
      inside.document.write(`<!DOCTYPE html><html><body><script src="${url}"></` + "script></body></html>");
      inside.document.close();
      this.postMessage = (data) => loaded.then(() => inside.dispatchEvent(new MessageEvent("message", { data })));
      this.terminate = () => this.frame.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
