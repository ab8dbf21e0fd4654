using System.Text.RegularExpressions;

namespace FedActors.Core.Tests;

public sealed partial class FaultNumberTests
{
    private static readonly (int Number, string Name, string Body)[] Sections = ReadSections();

    [Test]
    public void Every_number_has_its_page_and_every_page_its_number() =>
        Assert.That(
            Sections.Select(section => $"{section.Number} {section.Name}"),
            Is.EqualTo(Enum.GetValues<FaultNumber>().Select(number => $"{(int)number} {number}")),
            "docs/errors.md, in the order of the numbers");

    [Test]
    public void Every_page_says_what_happened_and_what_to_do_and_shows_the_message()
    {
        foreach (var (number, _, body) in Sections)
        {
            var code = ((FaultNumber)number).Code();
            Assert.That(body, Does.Match(@"^\*\*What happened\.\*\* \S"), code);
            Assert.That(body, Does.Match(@"\n\*\*What to do\.\*\* \S"), code);
            Assert.That(body, Does.Match($"\n```\n{code}[ :]"), code);
        }
    }

    [Test]
    public void Every_number_has_a_room_and_a_printed_form_of_its_own()
    {
        var numbers = Enum.GetValues<FaultNumber>();
        Assert.That(numbers.Select(number => number.Code()),
            Is.Unique.And.All.Match(@"^FA-[1234567]\d{3}$|^FA-9\d{3}$"));
    }

    private static (int Number, string Name, string Body)[] ReadSections() =>
        [.. Heading().Split(File.ReadAllText(Path.Combine(Root(), "docs", "errors.md")).ReplaceLineEndings("\n"))
            .Skip(1).Chunk(3).Select(parts => (int.Parse(parts[0]), parts[1], parts[2]))];

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "FedActors.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("There is no FedActors.sln above the tests.");
        return folder.FullName;
    }

    [GeneratedRegex(@"^## FA-(\d{4}) (\w+)\n", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
