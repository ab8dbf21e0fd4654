namespace FedActors.Actors.Configuration;

/// <summary>
/// Finds the brace, bracket or quote that does not match. Akka's parser takes a file that was cut off in the middle for
/// a whole one, and a job that was half read must not run.
/// </summary>
public static class HoconStructure
{
    /// <summary>The first fault with its line, counted from 1, or null where all is closed.</summary>
    public static (int Line, string What)? FirstFault(string text)
    {
        var open = new Stack<(char Mark, int Line)>();
        var line = 1;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            switch (c)
            {
                case '\n':
                    line++;
                    break;
                case '#':
                case '/' when text.AsSpan(i).StartsWith("//"):
                    i = EndOf(text, i, "\n") - 1;
                    break;
                case '"':
                    var mark = text.AsSpan(i).StartsWith("\"\"\"") ? "\"\"\"" : "\"";
                    var end = mark.Length == 3 ? EndOf(text, i + 3, mark) : EndOfQuoted(text, i + 1);
                    if (end >= text.Length || (mark.Length == 1 && text[end] == '\n'))
                        return (line, "A quote is not closed.");
                    line += text.AsSpan(i, end - i).Count('\n');
                    i = end + mark.Length - 1;
                    break;
                case '{' or '[':
                    open.Push((c, line));
                    break;
                case '}' or ']':
                    if (!open.TryPop(out var opened))
                        return (line, $"A '{c}' closes what was not opened.");
                    if ((opened.Mark == '{') != (c == '}'))
                        return (line, $"A '{c}' closes the '{opened.Mark}' of line {opened.Line}.");
                    break;
            }
        }
        return open.TryPop(out var left) ? (left.Line, $"A '{left.Mark}' is not closed.") : null;
    }

    private static int EndOf(string text, int from, string mark)
    {
        var at = text.IndexOf(mark, from, StringComparison.Ordinal);
        return at < 0 ? text.Length : at;
    }

    private static int EndOfQuoted(string text, int from)
    {
        var at = from;
        while (at < text.Length && text[at] is not ('"' or '\n'))
            at += text[at] == '\\' ? 2 : 1;
        return Math.Min(at, text.Length);
    }
}
