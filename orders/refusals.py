class Refused(Exception):
    """An answer of "no" that the caller may see: `str()` is a translated sentence, `code` is for
    programs. The API turns it into a problem of status `http_status`, naming `field` if set."""

    code: str = "refused"
    http_status: int = 409
    field: str = ""

    def __init__(self, message: object = "", *, code: str | None = None, field: str = "") -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if field:
            self.field = field
