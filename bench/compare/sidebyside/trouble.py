"""What goes wrong in a way that its reader can mend: a cause and a remedy."""


class Trouble(Exception):
    """Stops a peer, or the run."""

    def __init__(self, cause: str, fix: str):
        super().__init__(cause)
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.cause}\n    fix: {self.fix}"


def last_lines(text: str, count: int = 6) -> str:
    """The end of what a program said, for a cause."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join("    | " + line[:200] for line in lines[-count:])
