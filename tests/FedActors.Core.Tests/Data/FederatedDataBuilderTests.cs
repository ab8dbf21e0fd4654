using System.Collections.Immutable;
using CsCheck;
using FedActors.Core.Data;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Training;

namespace FedActors.Core.Tests.Data;

public class FederatedDataBuilderTests
{
    private static readonly DataSchema Schema = new(
        [
            new ColumnRule("ROW", ColumnType.Number, [], 0, 1e6, [], false),
            new ColumnRule("SITE", ColumnType.Number, [], 0, 1e6, [], false),
            new ColumnRule("LABEL", ColumnType.Category, ["yes", "no", "?"], double.NegativeInfinity,
                double.PositiveInfinity, [], false),
        ],
        [new InputDescription("row", "ROW", 0, 1, [])],
        new LabelRule.Binary("LABEL", ["yes"], ["no"], DropOthers: true));

    // Sites 1 to 4, labels by row number so that both are everywhere; some rows drop out before the split.
    private static readonly Gen<(int Site, bool Dropped)[]> Patients =
        Gen.Select(Gen.Int[1, 4], Gen.Int[0, 9].Select(k => k == 0)).Array[80, 300];

    [Test]
    public void A_hospitals_own_permutation_keeps_back_a_share_of_what_is_left_after_dropping() =>
        Patients.Sample(patients =>
    {
        var data =
            Build(patients,
                new SplitPlan(new SiteRule.PerValue("SITE", "h", 2, 1), new HoldoutRule.Shuffled(3, 5), false, true));
        return data.Hospitals.Length == 4 && data.Hospitals.All(hospital =>
        {
            var site = int.Parse(hospital.Hospital.ToString()[1..]);
            var rows = RowsOf(patients, site);
            var order = new SplitMix64((ulong)(5000 + site)).Permutation(rows.Length);
            var test = order[..(int)Math.Round(rows.Length / 3.0)].Select(j => rows[j]).Order();
            return Rows(hospital.Test).SequenceEqual(test)
                && Rows(hospital.Train).Concat(Rows(hospital.Test)).Order().SequenceEqual(rows);
        });
    });

    [Test]
    public void Training_rows_are_spaced_evenly_over_a_hospital() => Patients.Sample(patients =>
    {
        var train = Enumerable.Range(1, 4).Min(site => RowsOf(patients, site).Length) / 2;
        var data =
            Build(patients,
                new SplitPlan(new SiteRule.PerValue("SITE", "h", 2, 1), new HoldoutRule.EvenlySpaced(train), false,
                    true));
        return data.Hospitals.All(hospital =>
        {
            var rows = RowsOf(patients, int.Parse(hospital.Hospital.ToString()[1..]));
            var expected =
                rows.Where((_, j) => Math.Floor((j + 1.0) * train / rows.Length)
                    > Math.Floor((double)j * train / rows.Length));
            return hospital.Train.Rows == train && Rows(hospital.Train).SequenceEqual(expected);
        });
    });

    [Test]
    public void Every_kept_row_is_in_one_place_and_hospitals_stand_in_order_of_id() => Patients.Sample(patients =>
    {
        var groups = ImmutableArray.Create(
            new SiteGroup(new HospitalId("west"), ["1.0", "3"]), new SiteGroup(new HospitalId("east"), ["2"]));
        var data =
            Build(patients,
                new SplitPlan(new SiteRule.PerGroup("SITE", groups), new HoldoutRule.Shuffled(4, 1), false, true));
        var placed = data.Hospitals.SelectMany(h => Rows(h.Train).Concat(Rows(h.Test))).Concat(Rows(data.External!));
        var east = RowsOf(patients, 2);
        var order = new SplitMix64(LocalTraining.BatchSeed(1, new HospitalId("east"), 0)).Permutation(east.Length);
        return data.Hospitals.Select(h => h.Hospital.ToString()).SequenceEqual(["east", "west"])
            && placed.Order().SequenceEqual(Enumerable.Range(1, 4).SelectMany(site => RowsOf(patients, site)).Order())
            && Rows(data.External!).SequenceEqual(RowsOf(patients, 4))
            && Rows(data.Test).SequenceEqual(data.Hospitals.SelectMany(h => Rows(h.Test)))
            && Rows(data.Hospitals[0].Test)
            .SequenceEqual(order[..(int)Math.Round(east.Length / 4.0)].Select(j => east[j]).Order());
    });

    [Test]
    public void Hospitals_take_their_labels_in_file_order_and_leave_the_rest() => Patients.Sample(patients =>
    {
        var shares = ImmutableArray.Create(
            new SiteShare(new HospitalId("b"), 3, 5), new SiteShare(new HospitalId("c"), 0, 2),
            new SiteShare(new HospitalId("a"), 4, 1));
        var data =
            Build(patients, new SplitPlan(new SiteRule.PerLabelCount(shares), new HoldoutRule.None(), true, true));
        var kept = Enumerable.Range(0, patients.Length).Where(row => !patients[row].Dropped).ToArray();
        var (yes, no) = (kept.Where(IsYes).ToArray(), kept.Where(row => !IsYes(row)).ToArray());
        return Rows(data.Hospitals[0].Train).SequenceEqual(yes[3..7].Append(no[7]).Order())
            && Rows(data.Hospitals[1].Train).SequenceEqual(yes[..3].Concat(no[..5]).Order())
            && Rows(data.Hospitals[2].Train).SequenceEqual(no[5..7])
            && Rows(data.Test).SequenceEqual(yes[7..].Concat(no[8..]).Order());
    });

    private static bool IsYes(int row) => row % 3 == 0;

    private static int[] RowsOf((int Site, bool Dropped)[] patients, int site) =>
        [.. Enumerable.Range(0, patients.Length).Where(row => patients[row].Site == site && !patients[row].Dropped)];

    private static IEnumerable<int> Rows(PatientTable table) => table.Values.ToArray().Select(value => (int)value);

    private static FederatedData Build((int Site, bool Dropped)[] patients, SplitPlan split) =>
        FederatedDataBuilder.Build(
        Schema, split, [new RawFile("made-up.csv", null, ["ROW", "SITE", "LABEL"], patients.Select((patient, row) =>
            new RawRow(row + 2,
                [$"{row}", patient.Site % 2 == 0 ? $"{patient.Site}" : $"{patient.Site}.0",
                    patient.Dropped ? "?" : IsYes(row) ? "yes" : "no"])))]);
}
