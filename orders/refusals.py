class Refused(Exception):
    """An answer of "no" that the caller may see: `str()` is a translated sentence, `code` is for
    programs. The API turns it into a problem of status `http_status`, naming `field` and `limit`
    if set."""

    code: str = "refused"
    http_status: int = 409
    field: str = ""
    #: Text or a number where the sentence speaks of a limit.
    limit: object = ""

    def __init__(
        self,
        message: object = "",
        *,
        code: str | None = None,
        field: str = "",
        limit: object = "",
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if field:
            self.field = field
        if limit != "":
            self.limit = limit
