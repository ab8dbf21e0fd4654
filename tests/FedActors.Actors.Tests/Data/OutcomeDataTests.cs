using Akka.Configuration;
using FedActors.Actors.Configuration;
using FedActors.Actors.Data;
using FedActors.Core;
using FedActors.Core.Data;

namespace FedActors.Actors.Tests.Data;

/// <summary>Targets that are classes, numbers or times, rows that share a patient, and hospitals that a list names.</summary>
public class OutcomeDataTests
{
    private const string Schema = """
        columns = [
          { names = [SITE], type = category, values = [north, south] }
          { names = [PID], type = number }
          { names = [AGE, DAYS], type = number }
          { names = [STAGE], type = category, values = [I, II, III, X] }
          { names = [DEAD], type = number, values = [0, 1] }
        ]
        features = [
          { name = age, column = AGE, centre = 50, scale = 10 }
        ]
        files = [ { path = data.csv } ]
        targets {
          stage { kind = class, column = STAGE, classes { early = [I], late = [II, III] } }
          days { kind = real, column = DAYS, centre = 100, scale = 50 }
          death { kind = survival, time = DAYS, event = DEAD, happened = [1], censored = [0] }
        }
        splits {
          sites { sites = column, column = SITE, holdout = shuffled, test-one-in = 3, rest = external }
          listed { sites = listed, holdout = listed, list = list.csv, rest = external }
        }
        split = sites
        """;

    private const string Rows = """
        SITE,PID,AGE,DAYS,STAGE,DEAD
        north,1,40,100,I,1
        north,2,50,200,II,0
        north,1,60,300,III,1
        north,3,70,50,I,1
        north,2,55,150,II,1
        north,4,45,10,I,1
        south,1,41,120,III,1
        south,2,51,220,II,0
        south,3,61,320,I,1
        south,4,71,70,II,1
        south,5,56,170,I,1
        south,6,46,30,II,1

        """;

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("fedactors-data-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Classes_are_numbered_in_the_order_of_their_names()
    {
        var list = "center,line,set\n" + string.Concat(Enumerable.Range(1, 12)
            .Select(line => $"{(line <= 6 ? "north" : "south")},{line},{((line - 1) % 6 < 4 ? "train" : "test")}\n"));
        var south = Load("target = stage\nsplit = listed", list: list).Hospitals[1];
        Assert.That((south.Train.Outcomes.Kind, south.Train.Outcomes.Classes), Is.EqualTo((OutcomeKind.Class, 2)));
        Assert.That(south.Train.Labels.ToArray(), Is.EqualTo(new[] { 1, 1, 0, 1 }));
    }

    [Test]
    public void A_label_outside_the_classes_is_refused_with_its_line_and_without_its_value()
    {
        var fault = Faults("target = stage", Rows + "south,7,50,60,X,0\n").Single();
        Assert.That((fault.Number, fault.Where), Is.EqualTo((FaultNumber.ValueNotAllowed, "data.csv: line 14, column 'STAGE'")));
        Assert.That(fault.ToString(), Does.Not.Contain("'X'"));
    }

    [Test]
    public void A_number_is_scaled_and_keeps_its_unit()
    {
        var outcomes = Load("target = days").Hospitals[0].Train.Outcomes;
        Assert.That((outcomes.Kind, outcomes.Unit), Is.EqualTo((OutcomeKind.Real, 50.0)));
        Assert.That(outcomes.Labels.ToArray(), Is.SubsetOf(new[] { 0, 2, 4, -1, 1, -1.8 }));
    }

    [TestCase("0")]
    [TestCase("-3")]
    public void A_time_of_nothing_is_refused_with_its_line_and_without_its_value(string time)
    {
        var fault = Faults("target = death", Rows + $"south,7,50,{time},I,1\n").Single();
        Assert.That((fault.Number, fault.Where), Is.EqualTo((FaultNumber.TimeNotPositive, "data.csv: line 14, column 'DAYS'")));
        Assert.That(fault.What, Does.Not.Contain(time == "0" ? "'0'" : time));
    }

    [Test]
    public void A_hospital_without_events_is_named_unless_that_is_meant()
    {
        var alive = Rows.Replace("south,1,41,120,III,1", "south,1,41,120,III,0").Replace("I,1\nsouth", "I,0\nsouth").Replace("II,1\n", "II,0\n");
        Assert.That(Faults("target = death", alive).Select(fault => (fault.Number, fault.Where)), Does.Contain((FaultNumber.NoEvents, "hospital south")));
    }

    [Test]
    public void A_feature_that_never_changes_is_named()
    {
        var fault = Faults("target = days\nfeatures = [ { column = AGE }, { name = old, column = AGE, is = [99] } ]").Single();
        Assert.That((fault.Number, fault.Where), Is.EqualTo((FaultNumber.ConstantColumn, "data.csv: column 'AGE'")));
        Assert.That(fault.What, Does.Contain("'old'"));
    }

    [Test]
    public void Rows_of_one_patient_stand_together_and_on_one_side_of_the_split()
    {
        var north = Load("target = days\npatient = PID").Hospitals[0];
        Assert.That(north.Train.Units + north.Test.Units, Is.EqualTo(4));
        Assert.That(north.Train.Rows + north.Test.Rows, Is.EqualTo(6));
        var ages = Enumerable.Range(0, north.Train.Units).Select(unit =>
            Enumerable.Range(north.Train.RowsOf(unit).First, north.Train.RowsOf(unit).Count).Select(row => 10 * north.Train.Row(row)[0] + 50).ToArray());
        Assert.That(ages, Is.SubsetOf(new double[][] { [40, 60], [50, 55], [70], [45] }));
    }

    [Test]
    public void A_patient_is_named_by_any_text_of_a_column_that_needs_no_rule()
    {
        var named = Named("Ann", "Bob", "Ann ", "Cy", "Bob", "Di", "Ann", "Bob", "Cy", "Di", "Ed", "Flo");
        var data = Load("target = days\npatient = WHO", named);
        Assert.That(data.Hospitals.Select(h => (h.Train.Units + h.Test.Units, h.Train.Rows + h.Test.Rows)), Is.EqualTo(new[] { (4, 6), (6, 6) }));
        Assert.That(Load("target = days", named, patientId: "WHO").Hospitals[0].Train.Units, Is.EqualTo(data.Hospitals[0].Train.Units),
            "the job's own word is enough");
    }

    [Test]
    public void A_row_of_nobody_is_a_fault_and_shows_no_name()
    {
        var faults = Faults("target = days\npatient = WHO", Named("Ann", "", "Bob", " ", "Cy", "Di", "Ed", "Flo", "Gus", "Hal", "Ida", "Jo"));
        Assert.That(faults.Select(fault => (fault.Number, fault.Where)), Is.EqualTo(new[]
        {
            (FaultNumber.ValueNotAllowed, "data.csv: line 3, column 'WHO'"), (FaultNumber.ValueNotAllowed, "data.csv: line 5, column 'WHO'"),
        }));
        Assert.That(string.Concat(faults), Does.Not.Contain("Ann"));
    }

    [Test]
    public void A_job_and_its_data_that_mean_other_patients_are_refused() =>
        Assert.That(Assert.Throws<FaultException>(() => Load("target = days\npatient = PID", patientId: "WHO"))!.Faults.Single(),
            Has.Property("Number").EqualTo(FaultNumber.UnitMismatch).And.Property("Where").EqualTo("job.conf: job.data.patient"));

    [Test]
    public void A_column_of_patients_that_is_not_there_is_named() =>
        Assert.That(Faults("target = days\npatient = PIDD").Single(),
            Has.Property("Number").EqualTo(FaultNumber.MissingColumn).And.Property("Fix").Contains("'PID'"));

    private static string Named(params string[] who)
    {
        var lines = Rows.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join('\n', [lines[0] + ",WHO", .. lines.Skip(1).Zip(who, (line, name) => $"{line},{name}"), ""]);
    }

    [Test]
    public void A_list_may_name_the_hospitals_too()
    {
        var data = Load("target = days\nsplit = listed", list: "center,line,set\neast,1,train\neast,2,train\nwest,3,train\nwest,4,train\neast,5,test\nwest,9,test\n");
        Assert.That(data.Hospitals.Select(h => (h.Hospital.ToString(), h.Train.Rows, h.Test.Rows)), Is.EqualTo(new[] { ("east", 2, 1), ("west", 2, 1) }));
        Assert.That(data.External!.Rows, Is.EqualTo(6));
    }

    [TestCase("targets.a { kind = class, column = STAGE, classes { one = [I, II, III, X] } }", "FA-1006", "classes")]
    [TestCase("targets.a { kind = class, column = STAGE, classes { one = [I], two = [I] } }", "FA-1009", "classes")]
    [TestCase("targets.a { kind = real, column = STAGE }", "FA-1008", "column")]
    [TestCase("targets.a { kind = survival, time = STAGE, event = DEAD, happened = [1], censored = [0] }", "FA-1008", "time")]
    [TestCase("targets.a { kind = survival, time = DAYS, event = DEAD, happened = [1], censored = [1] }", "FA-1009", "censored")]
    [TestCase("targets.a { kind = survival, time = DAIS, event = DEAD, happened = [1], censored = [0] }", "FA-2003", "time")]
    public void A_target_that_cannot_be_is_refused_with_its_key(string target, string code, string key)
    {
        var fault = Assert.Throws<FaultException>(() => Load($"target = days\n{target}"))!.Faults.Single();
        Assert.That((fault.Code, fault.Where), Is.EqualTo((code, $"job.conf: job.data.targets.a.{key}")));
    }

    private FederatedData Load(string overrides, string rows = Rows, string list = "", string? patientId = null)
    {
        File.WriteAllText(Path.Combine(_folder, "data.csv"), rows);
        File.WriteAllText(Path.Combine(_folder, "list.csv"), list);
        var faults = new List<Fault>();
        var plan = DataSection.Read(HoconReader.Of(
            ConfigurationFactory.ParseString($"job.data {{\n{Schema}\n{overrides}\n}}"), "job.data", "job.conf", faults), patientId);
        return faults.Count == 0 ? DataLoader.Load(plan, _folder, null) : throw new FaultException(faults);
    }

    private Fault[] Faults(string overrides, string rows = Rows) =>
        [.. Assert.Throws<FaultException>(() => Load(overrides, rows))!.Faults];
}
